import { Dataset, idx, normalise, rotateAndShift, transform } from "@anneal/data";
import { type ColumnType, imageFolderSource, tableSource } from "@anneal/sources";
import type { DataOrder, DigitsOrder, PicturesOrder, TableOrder } from "../protocol.ts";

/** The data of an order, as a recipe declares it. */
export function datasetOf({ data, numSamples }: DataOrder): Dataset {
  if (data.kind === "jpeg") return pictures(data);
  if (data.kind === "mnist") return digits(data).take(numSamples);
  return table(data);
}

function pictures({ directory, resized, cropped, mean, std }: PicturesOrder): Dataset {
  return Dataset.of(imageFolderSource({ directory, height: resized, width: resized, fit: "fill" }))
    .map(transform(import.meta.resolve("./crop-and-flip.ts"), { size: cropped }))
    .map(normalise({ scale: 1 / 255, mean, std }));
}

function table({ path, numbers, categories, label }: TableOrder): Dataset {
  const columns = Object.fromEntries<ColumnType>([
    ...numbers.map(({ name }) => [name, "number"] as const),
    ...categories.map(({ name, values }) => [name, { category: values }] as const),
  ]);
  return Dataset.of(tableSource({ files: path, columns, label })).map(
    normalise({
      mean: [...numbers.map(({ mean }) => mean), ...categories.map(() => 0)],
      std: [...numbers.map(({ std }) => std), ...categories.map(() => 1)],
    }),
  );
}

function digits({ images, labels, maxDegrees, maxPixels, mean, std }: DigitsOrder): Dataset {
  return idx({ images, labels, numClasses: 10 })
    .map(rotateAndShift({ maxDegrees, maxPixels }))
    .map(normalise({ scale: 1 / 255, mean, std }));
}
