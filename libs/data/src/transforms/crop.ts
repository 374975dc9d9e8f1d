import type { RandomStream, SampleSpec } from "@anneal/sources";
import type { Transform } from "../transform.ts";
import { imageSize } from "./pixels.ts";

export interface CropOptions {
  readonly height: number;
  readonly width: number;
}

export interface RandomCropOptions extends CropOptions {
  /** Pixels that are put around the image first, on each side; 0 by default. */
  readonly padding?: number;
  /** Their value; 0 by default. */
  readonly fill?: number;
}

/** The middle of images [height, width, channels]. Keeps the dtype. */
export function createCrop(options: CropOptions, input: SampleSpec): Transform {
  const { height, width } = imageSize("crop", input);
  const [top, left] = [Math.floor((height - options.height) / 2), Math.floor((width - options.width) / 2)];
  return cropping("crop", { ...options, padding: 0 }, input, () => [top, left]);
}

/** A part of images [height, width, channels], its place uniformly at random. Keeps the dtype. */
export function createRandomCrop(options: RandomCropOptions, input: SampleSpec): Transform {
  const { padding = 0 } = options;
  const { height, width } = imageSize("randomCrop", input);
  const between = (random: RandomStream, spare: number) => random.integerBetween(0, spare) - padding;
  const placed = cropping("randomCrop", options, input, (random) => [
    between(random, height + 2 * padding - options.height),
    between(random, width + 2 * padding - options.width),
  ]);
  return { ...placed, isRandom: true };
}

function cropping(
  name: string,
  { height, width, padding = 0, fill = 0 }: RandomCropOptions,
  input: SampleSpec,
  place: (random: RandomStream) => readonly [number, number],
): Transform {
  const from = imageSize(name, input);
  const { channels } = from;
  for (const [size, most] of [
    [height, from.height + 2 * padding],
    [width, from.width + 2 * padding],
  ] as const) {
    if (!Number.isInteger(size) || size < 1 || size > most) {
      throw new Error(
        `${name} needs height and width within the image's ${from.height} x ${from.width} and its padding`,
      );
    }
  }
  return {
    output: { shape: [height, width, channels], dtype: input.dtype },
    apply(source, target, random) {
      const [top, left] = place(random);
      // Of each row what lies within the image is copied as one piece.
      const [first, end] = [Math.max(0, left), Math.min(from.width, left + width)];
      const hasPadding = first > left || end < left + width || top < 0 || top + height > from.height;
      if (hasPadding) target.fill(fill);
      if (first >= end) return;
      for (let y = Math.max(0, top); y < Math.min(from.height, top + height); y++) {
        const row = source.subarray((y * from.width + first) * channels, (y * from.width + end) * channels);
        target.set(row, ((y - top) * width + first - left) * channels);
      }
    },
  };
}
