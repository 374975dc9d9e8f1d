import type { SampleSpec, TypedArray } from "@anneal/sources";
import type { Transform } from "../transform.ts";
import { imageSize } from "./pixels.ts";

export interface FlipOptions {
  /** Left and right change places in half of the images; by default they do. */
  readonly horizontal?: boolean;
  /** Top and bottom do in half of them; by default they do not. */
  readonly vertical?: boolean;
}

/** Mirrors images [height, width, channels] by chance. Keeps shape and dtype. */
export function createFlip({ horizontal = true, vertical = false }: FlipOptions, input: SampleSpec): Transform {
  const { height, width, channels } = imageSize("flip", input);
  const rowLength = width * channels;
  return {
    output: input,
    isRandom: true,
    apply(source, target, random) {
      // Both are drawn whatever is asked for, so that one option does not change what the other does.
      const [isMirrored, isUpended] = [random.uniform() < 0.5, random.uniform() < 0.5];
      for (let y = 0; y < height; y++) {
        const row = (vertical && isUpended ? height - 1 - y : y) * rowLength;
        if (horizontal && isMirrored) mirror(source, row, target, y * rowLength);
        else target.set(source.subarray(row, row + rowLength), y * rowLength);
      }
    },
  };

  function mirror(source: TypedArray, sourceRow: number, target: TypedArray, targetRow: number): void {
    let to = targetRow;
    for (let pixel = sourceRow + rowLength - channels; pixel >= sourceRow; pixel -= channels) {
      for (let channel = 0; channel < channels; channel++, to++) target[to] = source[pixel + channel]!;
    }
  }
}
