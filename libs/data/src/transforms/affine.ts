import type { SampleSpec, TypedArray } from "@anneal/sources";
import type { Transform } from "../transform.ts";
import { imageSize } from "./pixels.ts";

export interface AffineOptions {
  /** Largest rotation in degrees, in both directions. */
  readonly maxDegrees?: number;
  /** Largest shift along each axis in pixels, fractions included, in both directions. */
  readonly maxPixels?: number;
  /** Value outside of the image; 0 by default. */
  readonly fill?: number;
}

/**
 * Rotates images [height, width, channels] around their centre and shifts them, both uniformly at random, in one
 * bilinear resampling. Output is float32 in the input's own units.
 *
 * Each output pixel looks up where it comes from. Along a row that place moves by a constant step, so no pixel needs
 * trigonometry; in the middle of a row, where all four neighbours exist, none needs checks either.
 */
export function createAffine(options: AffineOptions, input: SampleSpec): Transform {
  const { height, width, channels } = imageSize("rotate", input);
  const { maxDegrees = 0, maxPixels = 0, fill = 0 } = options;
  if (!(maxDegrees >= 0) || !(maxPixels >= 0)) throw new Error("maxDegrees and maxPixels must be 0 or more");
  const maxRadians = (maxDegrees * Math.PI) / 180;
  const centreX = (width - 1) / 2;
  const centreY = (height - 1) / 2;
  const rowLength = width * channels;

  /** The value at a place near or beyond the border, where neighbours outside of the image count as `fill`. */
  function atBorder(source: TypedArray, fromX: number, fromY: number, channel: number): number {
    const left = Math.floor(fromX);
    const top = Math.floor(fromY);
    const pixel = (x: number, y: number) =>
      x < 0 || x >= width || y < 0 || y >= height ? fill : source[y * rowLength + x * channels + channel]!;
    const partX = fromX - left;
    const upper = pixel(left, top) + partX * (pixel(left + 1, top) - pixel(left, top));
    const lower = pixel(left, top + 1) + partX * (pixel(left + 1, top + 1) - pixel(left, top + 1));
    return upper + (fromY - top) * (lower - upper);
  }

  return {
    output: { ...input, dtype: "float32" },
    isRandom: true,
    apply(source, target, random) {
      const angle = random.between(-maxRadians, maxRadians);
      const cos = Math.cos(angle);
      const sin = Math.sin(angle);
      const shiftX = random.between(-maxPixels, maxPixels);
      const shiftY = random.between(-maxPixels, maxPixels);
      const dx = -centreX - shiftX;
      for (let y = 0, at = 0; y < height; y++) {
        const dy = y - centreY - shiftY;
        const rowX = cos * dx + sin * dy + centreX;
        const rowY = cos * dy - sin * dx + centreY;
        for (let x = 0; x < width; x++) {
          const fromX = rowX + x * cos;
          const fromY = rowY - x * sin;
          if (!(fromX >= 0 && fromX < width - 1 && fromY >= 0 && fromY < height - 1)) {
            const isOutside = fromX <= -1 || fromX >= width || fromY <= -1 || fromY >= height;
            for (let channel = 0; channel < channels; channel++, at++) {
              target[at] = isOutside ? fill : atBorder(source, fromX, fromY, channel);
            }
            continue;
          }
          // Not negative here, so that truncation is the floor.
          const left = fromX | 0;
          const top = fromY | 0;
          const partX = fromX - left;
          const partY = fromY - top;
          let i = top * rowLength + left * channels;
          for (const end = i + channels; i < end; i++, at++) {
            const a = source[i]!;
            const c = source[i + rowLength]!;
            const upper = a + partX * (source[i + channels]! - a);
            const lower = c + partX * (source[i + rowLength + channels]! - c);
            target[at] = upper + partY * (lower - upper);
          }
        }
      }
    },
  };
}
