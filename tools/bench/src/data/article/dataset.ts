import { type Dataset, flip, imageFolder, normalise, randomCrop, rotateAndShift } from "@anneal/data";
import type { PicturesOrder } from "../protocol.ts";

/** Pictures of `jpeg`, rotated and shifted as well: more work than training a small network on them is. */
export function heavyPictures({ directory, resized, cropped, mean, std }: PicturesOrder): Dataset {
  return imageFolder({ directory, height: resized, width: resized, fit: "fill" })
    .map(rotateAndShift({ maxDegrees: 15, maxPixels: 4 }))
    .map(randomCrop({ height: cropped, width: cropped }))
    .map(flip())
    .map(normalise({ scale: 1 / 255, mean, std }));
}
