import { createReader } from "@anneal/sources";
import { expect, test } from "vitest";
import { openDataset } from "./open.ts";
import { fashionMnist } from "./ready-made.ts";

test("Fashion-MNIST is what its package holds, classes in turn, parts disjoint", async () => {
  const [train, test] = await Promise.all([
    openDataset(fashionMnist({ split: "train" })),
    openDataset(fashionMnist({ split: "test" })),
  ]);
  expect([train.numSamples, test.numSamples, train.numClasses]).toEqual([60_000, 10_000, 10]);
  expect(train.inputs).toEqual({ shape: [28, 28, 1], dtype: "uint8" });
  const [part, testPart] = [train.parts[0]!, test.parts[0]!];
  expect(part.source).toBe(testPart.source);
  expect([part.indices?.at(0), part.indices?.at(-1), testPart.indices?.at(0), testPart.indices?.at(-1)]).toEqual([
    0, 59_999, 60_000, 69_999,
  ]);
  const reader = createReader(part.source);
  const all = Uint32Array.from({ length: 70_000 }, (_, index) => index);
  await reader.load(all);
  const labels = new Int32Array(12);
  labels.forEach((_, k) => {
    reader.readLabel(k, labels, k);
  });
  expect([...labels]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
  // Mean and standard deviation that the data set is known for, and its first T-shirt.
  const numOfValue = new Float64Array(256);
  for (const k of all) for (const value of reader.input(k)) numOfValue[value]! += 1;
  const meanOf = (of: (value: number) => number) =>
    numOfValue.reduce((sum, count, value) => sum + count * of(value / 255), 0) / (70_000 * 784);
  const mean = meanOf((value) => value);
  expect(mean).toBeCloseTo(0.286, 3);
  expect(Math.sqrt(meanOf((value) => (value - mean) ** 2))).toBeCloseTo(0.353, 3);
  expect([...reader.input(0).subarray(7, 14)]).toEqual([9, 8, 0, 0, 34, 29, 7]);
});
