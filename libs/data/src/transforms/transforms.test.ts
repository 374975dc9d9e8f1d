import { type FieldSpec, RandomStream } from "@anneal/sources";
import { expect, test } from "vitest";
import { createAffine } from "./affine.ts";
import { createNormalise } from "./normalise.ts";
import { createPadTo } from "./pad-to.ts";
import { createShift } from "./shift.ts";

const bytes = (...shape: number[]): FieldSpec => ({ shape, dtype: "uint8" });
const stream = (index = 0) => new RandomStream("sample", 1, 0, index);
const image = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 37 + 11) % 256);

test("normalise scales, then subtracts the mean, then divides by the deviation", () => {
  const { output, apply } = createNormalise({ scale: 1 / 255, mean: 0.5, std: 0.25 }, bytes(2, 2, 1));
  const target = new Float32Array(4);
  apply(Uint8Array.of(0, 51, 204, 255), target, stream());
  expect(output).toEqual({ shape: [2, 2, 1], dtype: "float32" });
  [-2, -1.2, 1.2, 2].forEach((value, i) => {
    expect(target[i]).toBeCloseTo(value, 6);
  });
});

test("normalise takes a mean and a deviation for each channel", () => {
  const target = new Float32Array(4);
  createNormalise({ mean: [10, 20], std: [1, 2] }, bytes(1, 2, 2)).apply(
    Uint8Array.of(11, 22, 12, 26),
    target,
    stream(),
  );
  expect([...target]).toEqual([1, 1, 2, 3]);
  expect(() => createNormalise({ mean: [1, 2, 3] }, bytes(1, 2, 2))).toThrow("mean needs 2 numbers");
});

test("shift moves whole pixels by every distance within its limits, and fills what comes in", () => {
  const [height, width, channels] = [5, 6, 2];
  const source = image(height * width * channels);
  const { apply, output } = createShift({ maxPixels: 2, fill: 7 }, bytes(height, width, channels));
  expect(output.dtype).toBe("uint8");
  const seen = new Set<string>();
  for (let index = 0; index < 300; index++) {
    // The same draws, in the documented order: down, then right.
    const twin = stream(index);
    const down = twin.integerBetween(-2, 2);
    const right = twin.integerBetween(-2, 2);
    seen.add(`${down},${right}`);
    const target = new Uint8Array(source.length);
    apply(source, target, stream(index));
    for (let i = 0; i < target.length; i++) {
      const channel = i % channels;
      const x = (Math.floor(i / channels) % width) - right;
      const y = Math.floor(i / channels / width) - down;
      const isInside = x >= 0 && x < width && y >= 0 && y < height;
      expect(target[i]).toBe(isInside ? source[(y * width + x) * channels + channel] : 7);
    }
  }
  expect(seen.size).toBe(25);
});

test("a shift further than the image is wide leaves only the fill", () => {
  const { apply } = createShift({ maxPixels: 40, fill: 9 }, bytes(2, 2, 1));
  const target = new Uint8Array(4);
  const results = Array.from({ length: 50 }, (_, index) => {
    apply(Uint8Array.of(1, 2, 3, 4), target, stream(index));
    return target.join();
  });
  expect(results).toContain("9,9,9,9");
});

test("rotating by nothing gives the image back", () => {
  const source = image(28 * 28);
  const target = new Float32Array(source.length);
  createAffine({}, bytes(28, 28, 1)).apply(source, target, stream());
  expect([...target]).toEqual([...source]);
});

/** Rotation and shift as the textbook has them, pixel by pixel, with the same draws. */
function reference(
  source: Uint8Array,
  shape: readonly [number, number, number],
  options: { maxDegrees: number; maxPixels: number; fill: number },
  random: RandomStream,
): number[] {
  const [height, width, channels] = shape;
  const angle = random.between(-options.maxDegrees, options.maxDegrees) * (Math.PI / 180);
  const shiftX = random.between(-options.maxPixels, options.maxPixels);
  const shiftY = random.between(-options.maxPixels, options.maxPixels);
  const at = (x: number, y: number, c: number) =>
    x < 0 || y < 0 || x >= width || y >= height ? options.fill : source[(y * width + x) * channels + c]!;
  return Array.from(source, (_, i) => {
    const x = (Math.floor(i / channels) % width) - (width - 1) / 2 - shiftX;
    const y = Math.floor(i / channels / width) - (height - 1) / 2 - shiftY;
    const fromX = Math.cos(angle) * x + Math.sin(angle) * y + (width - 1) / 2;
    const fromY = Math.cos(angle) * y - Math.sin(angle) * x + (height - 1) / 2;
    const [left, top, c] = [Math.floor(fromX), Math.floor(fromY), i % channels];
    const [u, v] = [fromX - left, fromY - top];
    return (
      (1 - v) * ((1 - u) * at(left, top, c) + u * at(left + 1, top, c)) +
      v * ((1 - u) * at(left, top + 1, c) + u * at(left + 1, top + 1, c))
    );
  });
}

test.each([
  [12, 12, 1],
  [7, 10, 3],
] as const)("rotation and shift agree with the textbook on %ix%ix%i", (height, width, channels) => {
  const source = image(height * width * channels);
  const options = { maxDegrees: 60, maxPixels: 4, fill: 20 };
  const { apply } = createAffine(options, bytes(height, width, channels));
  const target = new Float32Array(source.length);
  for (let index = 0; index < 40; index++) {
    apply(source, target, stream(index));
    reference(source, [height, width, channels], options, stream(index)).forEach((value, i) => {
      expect(Math.abs(target[i]! - value)).toBeLessThan(1e-3);
    });
  }
});

test("image transforms refuse what is no image", () => {
  expect(() => createShift({ maxPixels: 1 }, bytes(10))).toThrow("needs images");
  expect(() => createAffine({ maxDegrees: 1 }, bytes(10, 10))).toThrow("needs images");
});

test("padTo cuts and fills along the first dimension, of samples of one length and of any", () => {
  const rows = createPadTo({ length: 3, value: 9 }, { shape: [2, 2], dtype: "int32" });
  expect(rows.output).toEqual({ shape: [3, 2], dtype: "int32" });
  const target = new Int32Array(6);
  rows.apply(Int32Array.of(1, 2, 3, 4), target, stream());
  expect([...target]).toEqual([1, 2, 3, 4, 9, 9]);
  const texts = createPadTo({ length: 2 }, { shape: [null], dtype: "uint8", capacity: 5 });
  texts.apply(Uint8Array.of(7, 8, 6), target, stream());
  expect([...target.subarray(0, 2)]).toEqual([7, 8]);
  expect(() => createPadTo({ length: 0 }, bytes(4))).toThrow("an integer from 1");
  expect(() => createPadTo({ length: 2 }, bytes())).toThrow("scalars");
});
