import type { SampleSpec } from "@anneal/sources";
import type { Transform } from "../transform.ts";
import { imageSize } from "./pixels.ts";

export interface ShiftOptions {
  /** Largest shift along each axis, in whole pixels, in both directions. */
  readonly maxPixels: number;
  /** Value of the pixels that come in from outside; 0 by default. */
  readonly fill?: number;
}

/** Shifts images [height, width, channels] by whole pixels, uniformly at random. Keeps the dtype. */
export function createShift(options: ShiftOptions, input: SampleSpec): Transform {
  const { height, width, channels } = imageSize("shift", input);
  const { maxPixels, fill = 0 } = options;
  if (!Number.isInteger(maxPixels) || maxPixels < 0) throw new Error("shift needs maxPixels: an integer, 0 or more");
  return {
    output: input,
    isRandom: true,
    apply(source, target, random) {
      const down = random.integerBetween(-maxPixels, maxPixels);
      const right = random.integerBetween(-maxPixels, maxPixels);
      const rowLength = width * channels;
      const first = Math.max(0, right) * channels;
      const last = Math.min(width, width + right) * channels;
      for (let y = 0; y < height; y++) {
        const row = y * rowLength;
        const fromRow = y - down;
        if (fromRow < 0 || fromRow >= height || first >= last) {
          for (let x = 0; x < rowLength; x++) target[row + x] = fill;
          continue;
        }
        const from = fromRow * rowLength - right * channels;
        for (let x = 0; x < first; x++) target[row + x] = fill;
        for (let x = first; x < last; x++) target[row + x] = source[from + x]!;
        for (let x = last; x < rowLength; x++) target[row + x] = fill;
      }
    },
  };
}
