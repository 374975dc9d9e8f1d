import type { FieldSpec } from "../fields.ts";
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
 * Each output pixel looks up where it comes from: along a row that place moves by a constant step, so the inner loop
 * has two additions and no trigonometry. The middle of the row, where all four neighbours exist, needs no checks.
 */
export function createAffine(options: AffineOptions, input: FieldSpec): Transform {
  const { height, width, channels } = imageSize("rotate", input);
  const { maxDegrees = 0, maxPixels = 0, fill = 0 } = options;
  if (!(maxDegrees >= 0) || !(maxPixels >= 0)) throw new Error("maxDegrees and maxPixels must be 0 or more");
  const maxRadians = (maxDegrees * Math.PI) / 180;
  const centreX = (width - 1) / 2;
  const centreY = (height - 1) / 2;
  const rowLength = width * channels;
  return {
    output: { shape: input.shape, dtype: "float32" },
    apply(source, target, random) {
      const angle = random.between(-maxRadians, maxRadians);
      const cos = Math.cos(angle);
      const sin = Math.sin(angle);
      const shiftX = random.between(-maxPixels, maxPixels);
      const shiftY = random.between(-maxPixels, maxPixels);
      for (let y = 0, at = 0; y < height; y++) {
        const dy = y - centreY - shiftY;
        const dx = -centreX - shiftX;
        const rowX = cos * dx + sin * dy + centreX;
        const rowY = cos * dy - sin * dx + centreY;
        for (let x = 0; x < width; x++, at += channels) {
          const fromX = rowX + x * cos;
          const fromY = rowY - x * sin;
          const left = Math.floor(fromX);
          const top = Math.floor(fromY);
          if (left < -1 || left >= width || top < -1 || top >= height) {
            for (let channel = 0; channel < channels; channel++) target[at + channel] = fill;
            continue;
          }
          const partX = fromX - left;
          const partY = fromY - top;
          const base = top * rowLength + left * channels;
          if (left >= 0 && left < width - 1 && top >= 0 && top < height - 1) {
            for (let channel = 0; channel < channels; channel++) {
              const i = base + channel;
              const upper = source[i]! + partX * (source[i + channels]! - source[i]!);
              const j = i + rowLength;
              const lower = source[j]! + partX * (source[j + channels]! - source[j]!);
              target[at + channel] = upper + partY * (lower - upper);
            }
            continue;
          }
          for (let channel = 0; channel < channels; channel++) {
            const i = base + channel;
            const hasLeft = left >= 0;
            const hasRight = left < width - 1;
            const hasTop = top >= 0;
            const hasBottom = top < height - 1;
            const a = hasTop && hasLeft ? source[i]! : fill;
            const b = hasTop && hasRight ? source[i + channels]! : fill;
            const c = hasBottom && hasLeft ? source[i + rowLength]! : fill;
            const d = hasBottom && hasRight ? source[i + rowLength + channels]! : fill;
            const upper = a + partX * (b - a);
            target[at + channel] = upper + partY * (c + partX * (d - c) - upper);
          }
        }
      }
    },
  };
}
