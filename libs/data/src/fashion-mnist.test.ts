import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fashionMnist } from "./dataset.ts";
import { readFashionMnist } from "./fashion-mnist.ts";
import { openDataset } from "./open.ts";
import { createReader } from "./sources.ts";

const directory = mkdtempSync(join(tmpdir(), "anneal-fashion-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("Fashion-MNIST is what its package holds, classes in turn, parts disjoint", async () => {
  const [train, test] = await Promise.all([
    openDataset(fashionMnist({ split: "train" })),
    openDataset(fashionMnist({ split: "test" })),
  ]);
  expect([train.numSamples, test.numSamples, train.numClasses]).toEqual([60_000, 10_000, 10]);
  expect(train.inputs).toEqual({ shape: [28, 28, 1], dtype: "uint8" });
  expect(train.source).toBe(test.source);
  expect([train.indices?.at(0), train.indices?.at(-1), test.indices?.at(0), test.indices?.at(-1)]).toEqual([
    0, 59_999, 60_000, 69_999,
  ]);
  expect([...train.source.labels.subarray(0, 12)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
  // Mean and standard deviation that the data set is known for, and its first T-shirt.
  const numOfValue = new Float64Array(256);
  for (const value of train.source.inputs) numOfValue[value]! += 1;
  const meanOf = (of: (value: number) => number) =>
    numOfValue.reduce((sum, count, value) => sum + count * of(value / 255), 0) / train.source.inputs.length;
  const mean = meanOf((value) => value);
  expect(mean).toBeCloseTo(0.286, 3);
  expect(Math.sqrt(meanOf((value) => (value - mean) ** 2))).toBeCloseTo(0.353, 3);
  expect([...createReader(train.source).input(0).subarray(7, 14)]).toEqual([9, 8, 0, 0, 34, 29, 7]);
});

test.each([
  ["an image too few", '{"data":[[1,2,3]]}', "number of pixels"],
  ["a value that is no pixel", '{"data":[[1,256,3]]}', "pixel of image 0"],
])("refuses a file with %s", async (_what, content, what) => {
  writeFileSync(join(directory, "0.json"), content);
  await expect(readFashionMnist(directory)).rejects.toMatchObject({ code: "DATASET_CORRUPT", facts: { what } });
});

test("refuses a folder without its files", async () => {
  await expect(readFashionMnist(join(directory, "nowhere"))).rejects.toMatchObject({ code: "DATASET_NOT_FOUND" });
});
