import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnnealError } from "@anneal/contracts";
import { createReader, numElements } from "@anneal/sources";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Dataset } from "./dataset.ts";
import { openDataset } from "./open.ts";
import { arrays, idx, mnist } from "./ready-made.ts";
import { transform } from "./transform.ts";
import { normalise } from "./transforms/index.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "anneal-data-"));
});
afterAll(() => rm(directory, { recursive: true }));

const pixels = Uint8Array.from({ length: 5 * 6 }, (_, i) => i);
const classes = Uint8Array.of(2, 0, 1, 1, 2);

function idxBytes(dimensions: readonly number[], data: Uint8Array, magic = 0x0800 + dimensions.length): Buffer {
  const header = Buffer.alloc(4 + 4 * dimensions.length);
  header.writeUInt32BE(magic, 0);
  dimensions.forEach((size, axis) => {
    header.writeUInt32BE(size, 4 + 4 * axis);
  });
  return Buffer.concat([header, data]);
}

async function write(name: string, contents: Uint8Array): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, contents);
  return path;
}

async function smallIdx(
  options: { images?: Uint8Array; labels?: Uint8Array; numClasses?: number } = {},
): Promise<Dataset> {
  const { images = idxBytes([5, 2, 3], pixels), labels = idxBytes([5], classes), numClasses = 3 } = options;
  return idx({ images: await write("images", images), labels: await write("labels", labels), numClasses });
}

async function failureOf(dataset: Dataset): Promise<AnnealError> {
  const error = await openDataset(dataset).then(
    () => null,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(AnnealError);
  return error as AnnealError;
}

/** All samples of an open data set, in its order. */
async function readAll(dataset: Dataset): Promise<{ inputs: number[][]; labels: number[] }> {
  const open = await openDataset(dataset);
  const reader = createReader(open.parts[0]!.source);
  const indices = Array.from({ length: open.numSamples }, (_, i) => open.parts[0]!.indices?.[i] ?? i);
  await reader.load(Uint32Array.from(indices));
  const label = new Int32Array(numElements(open.labels.shape));
  return {
    inputs: indices.map((_, k) => [...reader.input(k)]),
    labels: indices.map((_, k) => {
      reader.readLabel(k, label, 0);
      return label[0]!;
    }),
  };
}

const sources: readonly (readonly [string, (numClasses?: number) => Promise<Dataset>])[] = [
  ["idx", (numClasses = 3) => smallIdx({ numClasses })],
  ["arrays", async (numClasses = 3) => arrays({ inputs: pixels, inputShape: [2, 3, 1], labels: classes, numClasses })],
];

describe.each(sources)("the source %s", (_name, make) => {
  test("knows its fields and gives every sample", async () => {
    const dataset = await make();
    expect(await openDataset(dataset)).toMatchObject({
      numSamples: 5,
      inputs: { shape: [2, 3, 1], dtype: "uint8" },
      labels: { shape: [], dtype: "int32" },
      numClasses: 3,
    });
    const { inputs, labels } = await readAll(dataset);
    expect(inputs).toEqual([0, 1, 2, 3, 4].map((sample) => [0, 1, 2, 3, 4, 5].map((i) => 6 * sample + i)));
    expect(labels).toEqual([2, 0, 1, 1, 2]);
  });

  test("take, range and split select without a change to the declaration they start from", async () => {
    const dataset = await make();
    expect((await readAll(dataset.take(2))).labels).toEqual([2, 0]);
    expect((await readAll(dataset.range(3))).labels).toEqual([1, 2]);
    expect((await readAll(dataset.range(1, 4).take(99))).labels).toEqual([0, 1, 1]);
    const { rest, held } = dataset.split({ share: 0.5, seed: 4 });
    const sides = [...(await readAll(rest)).inputs, ...(await readAll(held)).inputs];
    expect(sides.sort((a, b) => a[0]! - b[0]!)).toEqual((await readAll(dataset)).inputs);
    expect((await openDataset(dataset)).numSamples).toBe(5);
  });

  test("refuses labels beyond its classes by index and value", async () => {
    expect(await failureOf(await make(2))).toMatchObject({
      code: "LABEL_OUT_OF_RANGE",
      facts: { index: 0, label: 2, numClasses: 2 },
    });
  });
});

test("MNIST is what its files hold", async () => {
  const train = await openDataset(mnist({ split: "train" }));
  const test = await openDataset(mnist({ split: "test" }));
  expect([train.numSamples, test.numSamples, train.numClasses]).toEqual([60_000, 10_000, 10]);
  expect(train.inputs).toEqual({ shape: [28, 28, 1], dtype: "uint8" });
  // The labels that every description of the data set begins with.
  expect((await readAll(mnist({ split: "train" }).take(10))).labels).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
  expect((await readAll(mnist({ split: "test" }).take(10))).labels).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  const { source } = mnist({ split: "test" }).parts[0]!;
  const file = await readFile(source.kind === "idx" ? source.images : "");
  const sum = (values: Uint8Array) => values.reduce((total, value) => total + value, 0);
  const reader = createReader(test.parts[0]!.source);
  const indices = Uint32Array.of(0, 1, 4_999, 9_999);
  await reader.load(indices);
  indices.forEach((index, k) => {
    const expected = sum(file.subarray(16 + 784 * index, 16 + 784 * (index + 1)));
    expect(sum(reader.input(k) as Uint8Array)).toBe(expected);
  });
});

test("a split keeps the side of each sample when samples are added", async () => {
  const make = (numSamples: number) =>
    arrays({
      inputs: Float32Array.from({ length: numSamples }, (_, i) => i),
      inputShape: [],
      labels: new Float32Array(numSamples),
    });
  const few = (await readAll(make(100).split({ share: 0.3, seed: 9 }).held)).inputs;
  const many = (await readAll(make(200).split({ share: 0.3, seed: 9 }).held)).inputs;
  expect(few.length).toBeGreaterThan(0);
  expect(many.filter(([value]) => value! < 100)).toEqual(few);
});

test("the digest is that of the content: any change of it shows, the path does not", async () => {
  const digestOf = async (dataset: Dataset) => (await openDataset(dataset)).digest;
  const same = await digestOf(await smallIdx());
  const copy = idx({
    images: await write("copied-images", idxBytes([5, 2, 3], pixels)),
    labels: await write("copied-labels", idxBytes([5], classes)),
    numClasses: 3,
  });
  expect(await digestOf(copy)).toBe(same);
  const edited = Uint8Array.from(pixels);
  edited[29]! ^= 1;
  // One after another: `smallIdx` writes the same files each time.
  const changed = [
    await digestOf(await smallIdx({ images: idxBytes([5, 2, 3], edited) })),
    await digestOf(await smallIdx({ labels: idxBytes([5], Uint8Array.of(2, 0, 1, 1, 1)) })),
    await digestOf(await smallIdx({ numClasses: 4 })),
    await digestOf(copy.take(4)),
    await digestOf(copy.split({ share: 0.5 }).rest),
    await digestOf(copy.split({ share: 0.5, seed: 1 }).rest),
    await digestOf(copy.map(normalise({ scale: 1 }))),
    await digestOf(copy.map(normalise({ scale: 2 }))),
  ];
  expect(new Set([same, ...changed]).size).toBe(changed.length + 1);
});

test("regression targets keep their dtype and shape", async () => {
  const dataset = arrays({
    inputs: new Float32Array(6),
    inputShape: [3],
    labels: new Float32Array(4),
    labelShape: [2],
  });
  expect(await openDataset(dataset)).toMatchObject({ labels: { shape: [2], dtype: "float32" }, numClasses: null });
});

describe("corrupt files", () => {
  const good = idxBytes([5, 2, 3], pixels);
  const cases: readonly (readonly [string, { images?: Uint8Array; labels?: Uint8Array }, object])[] = [
    [
      "a wrong magic number",
      { images: idxBytes([5, 2, 3], pixels, 0x0d03) },
      { expected: "0x00000803", found: "0x00000d03" },
    ],
    [
      "labels where images should be",
      { images: idxBytes([5], classes) },
      { expected: "0x00000803", found: "0x00000801" },
    ],
    ["images where labels should be", { labels: good }, { expected: "0x00000801", found: "0x00000803" }],
    [
      "a truncated file",
      { images: good.subarray(0, 40) },
      { what: "truncated", expected: "46 bytes", found: "40 bytes" },
    ],
    ["a truncated header", { images: good.subarray(0, 9) }, { what: "truncated", found: "9 bytes" }],
    ["an empty file", { labels: new Uint8Array() }, { what: "truncated", found: "0 bytes" }],
    [
      "trailing bytes",
      { labels: idxBytes([5], new Uint8Array(7)) },
      { what: "trailing bytes", expected: "13 bytes", found: "15 bytes" },
    ],
    [
      "fewer labels than images",
      { labels: idxBytes([4], classes.subarray(1)) },
      { what: "number of labels", found: 4 },
    ],
  ];
  test.each(cases)("%s: DATASET_CORRUPT", async (_name, files, facts) => {
    const error = await failureOf(await smallIdx(files));
    expect(error.code).toBe("DATASET_CORRUPT");
    expect(error.facts).toMatchObject(facts);
  });

  test("a file mended after a failure is read anew", async () => {
    const dataset = await smallIdx({ images: good.subarray(0, 40) });
    await failureOf(dataset);
    await write("images", good);
    expect((await openDataset(dataset)).numSamples).toBe(5);
  });
});

test("missing files and directories: DATASET_NOT_FOUND with the path", async () => {
  const labels = await write("labels", idxBytes([5], classes));
  for (const images of [join(directory, "absent"), directory]) {
    const error = await failureOf(idx({ images, labels, numClasses: 3 }));
    expect(error).toMatchObject({ code: "DATASET_NOT_FOUND", facts: { path: images } });
  }
});

test("in-memory arrays that do not fit their shape: DATASET_CORRUPT", async () => {
  const error = await failureOf(arrays({ inputs: new Float32Array(7), inputShape: [3], labels: new Float32Array(2) }));
  expect(error).toMatchObject({ code: "DATASET_CORRUPT", facts: { found: 7 } });
});

test("labels that are no integers: LABEL_OUT_OF_RANGE", async () => {
  const labels = Float32Array.of(0, Number.NaN);
  const error = await failureOf(arrays({ inputs: new Float32Array(2), inputShape: [], labels, numClasses: 3 }));
  expect(error).toMatchObject({ code: "LABEL_OUT_OF_RANGE", facts: { index: 1, label: "NaN" } });
});

test("fields are those after all transforms", async () => {
  const dataset = (await smallIdx()).map(normalise({ scale: 1 / 255 }));
  expect((await openDataset(dataset)).inputs).toEqual({ shape: [2, 3, 1], dtype: "float32" });
});

test("transforms that cannot be loaded or made fail before step 1", async () => {
  const dataset = await smallIdx();
  const broken = [
    transform("file:///nowhere/absent.ts"),
    transform(import.meta.resolve("./order.ts"), null, "absent"),
    normalise({ std: 0 }),
  ];
  for (const reference of broken) {
    const error = await failureOf(dataset.map(reference));
    expect(error).toMatchObject({ code: "TRANSFORM_FAILED", facts: { module: reference.module, sampleIndex: null } });
  }
});
