import type { SampleSpec } from "@anneal/sources";
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
  return {
    output: input,
    isRandom: true,
    apply(source, target, random) {
      // Both are drawn whatever is asked for, so that one option does not change what the other does.
      const [isMirrored, isUpended] = [random.uniform() < 0.5, random.uniform() < 0.5];
      let at = 0;
      for (let y = 0; y < height; y++) {
        const row = vertical && isUpended ? height - 1 - y : y;
        for (let x = 0; x < width; x++) {
          const column = horizontal && isMirrored ? width - 1 - x : x;
          const pixel = (row * width + column) * channels;
          for (let channel = 0; channel < channels; channel++, at++) target[at] = source[pixel + channel]!;
        }
      }
    },
  };
}
