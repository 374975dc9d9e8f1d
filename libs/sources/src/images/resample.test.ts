import fc from "fast-check";
import { expect, test } from "vitest";
import { resample, type Span } from "./resample.ts";

const spareRows = 3;

/** Resamples the image whose pixels are `channel(x, y)` in red, and in green and blue what is left of 255 and half of it. */
function resampled(width: number, height: number, channel: (x: number, y: number) => number, across: Span, down: Span) {
  const pixels = new Int32Array(width * (height + spareRows)).fill(0x7fabcdef);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const red = channel(x, y);
      pixels[y * width + x] = red | ((255 - red) << 8) | ((red >> 1) << 16) | (0xff << 24);
    }
  }
  const rowLength = 3 * across.outputSize;
  const bytes = new Uint8Array(rowLength * down.outputSize);
  resample({ pixels, width, height }, across, down, { bytes, channels: 3, offset: 0, rowLength });
  const [red, green, blue] = [0, 1, 2].map((channel) => [...bytes].filter((_, i) => i % 3 === channel));
  return { red: red!, green: green!, blue: blue! };
}

function whole(size: number, outputSize: number): Span {
  return { start: 0, length: size, outputSize };
}

const size = fc.integer({ min: 1, max: 70 });

test("an image of one colour keeps it in any size, and nothing from beyond its border gets in", () => {
  fc.assert(
    fc.property(
      size,
      size,
      size,
      size,
      fc.integer({ min: 0, max: 255 }),
      (width, height, newWidth, newHeight, value) => {
        const { red, green, blue } = resampled(
          width,
          height,
          () => value,
          whole(width, newWidth),
          whole(height, newHeight),
        );
        expect(new Set(red)).toEqual(new Set([value]));
        expect(new Set(green)).toEqual(new Set([255 - value]));
        expect(new Set(blue)).toEqual(new Set([value >> 1]));
      },
    ),
  );
});

test("an image in its own size stays as it is; a part of it is that part", () => {
  const channel = (x: number, y: number) => (x * 37 + y * 91) & 0xff;
  const same = resampled(7, 5, channel, whole(7, 7), whole(5, 5));
  expect(same.red).toEqual(Array.from({ length: 35 }, (_, i) => channel(i % 7, Math.floor(i / 7))));
  const part = resampled(7, 5, channel, { start: 2, length: 3, outputSize: 3 }, { start: 1, length: 2, outputSize: 2 });
  expect(part.red).toEqual([2, 3, 4, 2, 3, 4].map((x, i) => channel(x, i < 3 ? 1 : 2)));
});

test("agrees with a triangle filter in floating point where nothing is halved", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.double({ min: 0.51, max: 3, noNaN: true }),
      fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
      (width, height, factor, values) => {
        const newWidth = Math.max(Math.floor(width / 2) + 1, Math.round(width * factor));
        const newHeight = Math.max(Math.floor(height / 2) + 1, Math.round(height * factor));
        const image = Array.from({ length: height }, () => Array.from({ length: width }, () => values.next().value!));
        const { red } = resampled(
          width,
          height,
          (x, y) => image[y]![x]!,
          whole(width, newWidth),
          whole(height, newHeight),
        );
        const exact = byFloats(byFloats(image, newWidth), newHeight, "down");
        // Weights and sums are rounded once along each axis.
        const furthest = Math.max(...exact.flat().map((value, i) => Math.abs(value - red[i]!)));
        expect(furthest).toBeLessThan(4);
      },
    ),
    { numRuns: 60 },
  );
});

function byFloats(
  rows: readonly (readonly number[])[],
  outputSize: number,
  axis: "across" | "down" = "across",
): number[][] {
  if (axis === "down") return transposed(byFloats(transposed(rows), outputSize));
  const scale = rows[0]!.length / outputSize;
  const support = Math.max(1, scale);
  return rows.map((row) =>
    Array.from({ length: outputSize }, (_, x) => {
      const weights = row.map((_value, i) => Math.max(0, 1 - Math.abs(i + 0.5 - (x + 0.5) * scale) / support));
      const sum = weights.reduce((all, weight) => all + weight, 0);
      return row.reduce((all, value, i) => all + (value * weights[i]!) / sum, 0);
    }),
  );
}

function transposed(rows: readonly (readonly number[])[]): number[][] {
  return rows[0]!.map((_, x) => rows.map((row) => row[x]!));
}

test("an image that is made much smaller keeps its mean, also of an odd size", () => {
  const noise = (x: number, y: number) => Math.imul(x * 7919 + y * 104_729 + 1, 2_654_435_761) >>> 24;
  for (const [width, height] of [
    [512, 512],
    [333, 129],
    [65, 517],
  ] as const) {
    const { red } = resampled(width, height, noise, whole(width, 16), whole(height, 16));
    const mean = red.reduce((sum, value) => sum + value, 0) / red.length;
    let exact = 0;
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) exact += noise(x, y) / (width * height);
    expect(Math.abs(mean - exact)).toBeLessThan(2);
  }
});
