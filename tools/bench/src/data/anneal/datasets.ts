import { Dataset, idx, normalise, rotateAndShift, transform } from "@anneal/data";
import { imageFolderSource } from "@anneal/sources";
import type { DataOrder, DigitsOrder, PicturesOrder } from "../protocol.ts";

/** The data of an order, as a recipe declares it. */
export function datasetOf({ data, numSamples }: DataOrder): Dataset {
  if (data.kind === "jpeg") return pictures(data);
  if (data.kind === "mnist") return digits(data).take(numSamples);
  throw new Error("no tables yet");
}

function pictures({ directory, resized, cropped, mean, std }: PicturesOrder): Dataset {
  return new Dataset(imageFolderSource({ directory, height: resized, width: resized, fit: "fill" }))
    .map(transform(import.meta.resolve("./crop-and-flip.ts"), { size: cropped }))
    .map(normalise({ scale: 1 / 255, mean, std }));
}

function digits({ images, labels, maxDegrees, maxPixels, mean, std }: DigitsOrder): Dataset {
  return idx({ images, labels, numClasses: 10 })
    .map(rotateAndShift({ maxDegrees, maxPixels }))
    .map(normalise({ scale: 1 / 255, mean, std }));
}
