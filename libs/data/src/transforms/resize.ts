import type { SampleSpec } from "@anneal/sources";
import type { Transform } from "../transform.ts";
import { imageSize } from "./pixels.ts";

export interface ResizeOptions {
  readonly height: number;
  readonly width: number;
}

/**
 * Images [height, width, channels] in another size, bilinear, pixel centres at halves: what TensorFlow and PyTorch do without antialiasing.
 * Output float32 in the input's own units.
 */
export function createResize({ height, width }: ResizeOptions, input: SampleSpec): Transform {
  const from = imageSize("resize", input);
  const { channels } = from;
  for (const size of [height, width]) {
    if (!Number.isInteger(size) || size < 1) throw new Error("resize needs height and width: integers from 1");
  }
  const rows = neighbours(from.height, height);
  const columns = neighbours(from.width, width);
  return {
    output: { shape: [height, width, channels], dtype: "float32" },
    apply(source, target) {
      let at = 0;
      for (const { low: top, high: bottom, part: partY } of rows) {
        for (const { low: left, high: right, part: partX } of columns) {
          for (let channel = 0; channel < channels; channel++, at++) {
            const pixel = (y: number, x: number) => source[(y * from.width + x) * channels + channel]!;
            const upper = pixel(top, left) + partX * (pixel(top, right) - pixel(top, left));
            const lower = pixel(bottom, left) + partX * (pixel(bottom, right) - pixel(bottom, left));
            target[at] = upper + partY * (lower - upper);
          }
        }
      }
    },
  };
}

/** Of each place along an axis the two pixels that it lies between, and how far it is from the first. */
function neighbours(from: number, to: number) {
  return Array.from({ length: to }, (_, place) => {
    const exact = Math.min(from - 1, Math.max(0, ((place + 0.5) * from) / to - 0.5));
    const low = Math.floor(exact);
    return { low, high: Math.min(from - 1, low + 1), part: exact - low };
  });
}
