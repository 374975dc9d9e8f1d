import { type Dataset, flip, idx, imageFolder, normalise, randomCrop, rotateAndShift, table } from "@anneal/data";
import type { ColumnType } from "@anneal/sources";
import type { DataOrder, DigitsOrder, PicturesOrder, TableOrder } from "../protocol.ts";

/** The data of an order, as a recipe declares it. */
export function datasetOf({ data, numSamples }: DataOrder): Dataset {
  if (data.kind === "jpeg") return pictures(data);
  if (data.kind === "mnist") return digits(data).take(numSamples);
  return rows(data);
}

function pictures({ directory, resized, cropped, mean, std }: PicturesOrder): Dataset {
  return imageFolder({ directory, height: resized, width: resized, fit: "fill" })
    .map(randomCrop({ height: cropped, width: cropped }))
    .map(flip())
    .map(normalise({ scale: 1 / 255, mean, std }));
}

function rows({ path, numbers, categories, label }: TableOrder): Dataset {
  const columns = Object.fromEntries<ColumnType>([
    ...numbers.map(({ name }) => [name, "number"] as const),
    ...categories.map(({ name, values }) => [name, { category: values }] as const),
  ]);
  return table({ files: path, columns, label }).map(
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
