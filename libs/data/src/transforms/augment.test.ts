import { type FieldSpec, RandomStream } from "@anneal/sources";
import { expect, test } from "vitest";
import { createCrop, createRandomCrop } from "./crop.ts";
import { createFlip } from "./flip.ts";
import { createMask } from "./mask.ts";
import { createResize } from "./resize.ts";

const bytes = (...shape: number[]): FieldSpec => ({ shape, dtype: "uint8" });
const stream = (index = 0) => new RandomStream("sample", 1, 0, index);

test("resize is bilinear between pixel centres: the numbers of tf.image.resize and torch's interpolate", () => {
  const { output, apply } = createResize({ height: 2, width: 4 }, bytes(2, 2, 1));
  expect(output).toEqual({ shape: [2, 4, 1], dtype: "float32" });
  const target = new Float32Array(8);
  apply(Uint8Array.of(0, 100, 40, 200), target, stream());
  expect([...target]).toEqual([0, 25, 75, 100, 40, 80, 160, 200]);
  // The same size is the same image, channel by channel.
  const source = Uint8Array.from({ length: 24 }, (_, i) => i * 7);
  const same = new Float32Array(24);
  createResize({ height: 3, width: 4 }, bytes(3, 4, 2)).apply(source, same, stream());
  expect([...same]).toEqual([...source]);
  const half = new Float32Array(1);
  createResize({ height: 1, width: 1 }, bytes(2, 2, 1)).apply(Uint8Array.of(0, 100, 40, 200), half, stream());
  expect(half[0]).toBe(85);
  expect(() => createResize({ height: 0, width: 1 }, bytes(2, 2, 1))).toThrow("integers from 1");
});

test("crop takes the middle, randomCrop every place, padding included", () => {
  const source = Uint8Array.from({ length: 20 }, (_, i) => i + 1);
  const middle = new Uint8Array(4);
  createCrop({ height: 2, width: 2 }, bytes(4, 5, 1)).apply(source, middle, stream());
  expect([...middle]).toEqual([7, 8, 12, 13]);
  const random = createRandomCrop({ height: 2, width: 2, padding: 1, fill: 99 }, bytes(4, 5, 1));
  expect(random).toMatchObject({ isRandom: true, output: { shape: [2, 2, 1], dtype: "uint8" } });
  const seen = new Set<string>();
  for (let index = 0; index < 400; index++) {
    const target = new Uint8Array(4);
    random.apply(source, target, stream(index));
    seen.add(target.join());
  }
  // 5 rows and 6 columns of places.
  expect(seen.size).toBe(30);
  expect(seen).toContain("99,99,99,1");
  expect(seen).toContain("20,99,99,99");
  expect(() => createCrop({ height: 5, width: 2 }, bytes(4, 5, 1))).toThrow("within the image's 4 x 5");
});

test("flip mirrors about half of the images, each way on its own", () => {
  const counts = new Map<string, number>();
  const { apply } = createFlip({ vertical: true }, bytes(2, 2, 1));
  for (let index = 0; index < 400; index++) {
    const target = new Uint8Array(4);
    apply(Uint8Array.of(1, 2, 3, 4), target, stream(index));
    counts.set(target.join(), (counts.get(target.join()) ?? 0) + 1);
  }
  expect([...counts.keys()].sort()).toEqual(["1,2,3,4", "2,1,4,3", "3,4,1,2", "4,3,2,1"]);
  // 100 expected, 4 standard deviations.
  expect(Math.min(...counts.values())).toBeGreaterThan(65);
});

test("mask replaces its share, and nothing that is to be kept", () => {
  const { apply, isRandom } = createMask({ share: 0.25, value: 7 }, { shape: [8_000], dtype: "int32" });
  expect(isRandom).toBe(true);
  const source = Int32Array.from({ length: 8_000 }, (_, i) => (i % 2 === 0 ? 0 : 3));
  const target = new Int32Array(8_000);
  apply(source, target, stream());
  expect(target.filter((_, i) => i % 2 === 0).every((value) => value === 0)).toBe(true);
  const numMasked = target.filter((value) => value === 7).length;
  expect(Math.abs(numMasked - 1_000)).toBeLessThan(110);
});
