import { describe, expect, test } from "vitest";
import { closed, made } from "../fixtures/generators.ts";
import { createReader } from "../open-source.ts";
import type { StreamSample } from "../stream.ts";
import { type GeneratorOptions, generatorSource } from "./declaration.ts";
import { openGenerator } from "./generator-source.ts";
import { createStream } from "./stream.ts";

const context = { cacheDirectory: "", memoryBytes: 0, onBadRecord: "fail" } as const;
const module = import.meta.resolve("../fixtures/generators.ts");
const fields = {
  inputs: { shape: [3], dtype: "float32" },
  labels: { shape: [], dtype: "int32" },
  numClasses: 3,
} as const;

const open = (options: Partial<GeneratorOptions>) =>
  openGenerator(generatorSource({ module, ...fields, ...options }), context);

async function collect(stream: AsyncIterable<StreamSample>) {
  const samples: [number, number[], number[]][] = [];
  for await (const { index, input, label, failure } of stream) {
    if (failure !== null) throw failure;
    samples.push([index, [...input], [...label]]);
  }
  return samples;
}

test("gives the samples of an epoch in order, from any on, whether it can seek or not", async () => {
  const [plain, seeking] = await Promise.all([
    open({ options: { count: 5, counter: "plain" } }),
    open({ exportName: "seeking", options: { count: 5, counter: "seeking" }, canSeek: true, numSamples: 5 }),
  ]);
  expect([plain, seeking]).toMatchObject([
    { numSamples: 5, canSeek: false, numClasses: 3 },
    { numSamples: 5, canSeek: true },
  ]);
  const expected = [0, 1, 2, 3, 4].map((i) => [i, [i, 2, 7], [i % 3]]);
  // The one that did not say how many samples it has was counted, in a thread that is gone.
  expect([made.plain, made.seeking]).toEqual([undefined, undefined]);
  for (const { handles } of [plain, seeking]) {
    expect(await collect(createStream(structuredClone(handles), { epoch: 2, start: 0, seed: 7 }))).toEqual(expected);
    expect(await collect(createStream(handles, { epoch: 2, start: 3, seed: 7 }))).toEqual(expected.slice(3));
    expect(await collect(createStream(handles, { epoch: 2, start: 5, seed: 7 }))).toEqual([]);
  }
  expect([made.plain, made.seeking]).toEqual([5 + 5, 5 + 2]);
});

test("one that never ends is ended, and told so", async () => {
  const { handles } = await open({ exportName: "endless", options: { counter: "endless" }, numSamples: 4 });
  expect(await collect(createStream(handles, { epoch: 0, start: 2, seed: 0 }))).toEqual([
    [2, [2, 0, 0], [0]],
    [3, [3, 0, 0], [0]],
  ]);
  expect(closed.endless).toBe(true);
});

test("samples that are not as declared are bad records, and the stream goes on", async () => {
  const { handles, numSamples } = await open({ exportName: "careless" });
  const samples: StreamSample[] = [];
  for await (const sample of createStream(handles, { epoch: 1, start: 0, seed: 0 })) samples.push(sample);
  expect(samples.map(({ failure }) => failure?.facts.reason ?? null)).toEqual([
    null,
    "its input has 2 elements, not those of float32[3]",
    "its input is a Int32Array, not float32[3]",
    "its input is an array of other things than numbers, not float32[3]",
    "its label has 0.5, which is no int32",
    "its label is 3, but the classes are 0..2",
    "its label is a undefined, not int32[]",
    "its label is a undefined, not int32[]",
    null,
  ]);
  expect(samples).toHaveLength(numSamples);
  expect(samples[1]!.failure).toMatchObject({ code: "BAD_RECORD", facts: { place: `${module}, sample 1 of epoch 1` } });
  expect([...samples[1]!.input]).toEqual([0, 0, 0]);
});

test("samples of any length up to a capacity", async () => {
  const ragged = { inputs: { shape: [null], dtype: "float32", capacity: 3 } } as const;
  const { handles, input } = await open({ exportName: "careless", ...ragged });
  expect(input).toEqual(ragged.inputs);
  const lengths: (number | null)[] = [];
  for await (const sample of createStream(handles, { epoch: 0, start: 0, seed: 0 })) {
    lengths.push(sample.failure === null ? sample.input.length : null);
  }
  expect(lengths.slice(0, 3)).toEqual([3, 2, null]);
});

test("what it throws names the generator and the sample; so does what it lacks", async () => {
  const { handles } = await open({ exportName: "throwing", numSamples: 2, canSeek: true });
  const epoch = { epoch: 3, start: 1, seed: 0 };
  await expect(collect(createStream({ ...handles, numSamples: 3 }, epoch))).rejects.toMatchObject({
    code: "SOURCE_FAILED",
    facts: { module, exportName: "throwing", cause: "no more paper", place: `${module}, sample 2 of epoch 3` },
  });
  await expect(open({ exportName: "throwing" })).rejects.toMatchObject({ code: "SOURCE_FAILED" });
  await expect(open({ exportName: "absent" })).rejects.toMatchObject({ code: "SOURCE_FAILED", facts: { place: null } });
  await expect(open({ module: "file:///nowhere/absent.ts" })).rejects.toMatchObject({ code: "SOURCE_FAILED" });
  const short = await open({ options: { count: 2 }, numSamples: 3 });
  await expect(collect(createStream(short.handles, { ...epoch, start: 0 }))).rejects.toMatchObject({
    code: "DATASET_CORRUPT",
    facts: { expected: 3, found: 2 },
    remedy: expect.stringContaining("numSamples"),
  });
  await expect(open({ options: { count: 0 } })).rejects.toMatchObject({ code: "DATASET_CORRUPT", facts: { found: 0 } });
  expect(() => createReader(short.handles)).toThrow(/openStream/);
});

describe("one that goes wrong while it is counted", () => {
  const place = `${module}, sample 2 of epoch 0`;

  test.each([
    ["exits", "it ended its thread (process.exit, code 3)"],
    ["throws", "thrown by a timer"],
    ["waits for nothing", "it waits for a promise that nothing is left to fulfil"],
  ])("%s: told by its sample, and nobody else ends", async (how, cause) => {
    await expect(open({ exportName: "stuck", options: { how } })).rejects.toMatchObject({
      code: "SOURCE_FAILED",
      facts: { module, exportName: "stuck", place, cause },
    });
  });

  test.each(["waits", "loops"])("%s: is told, and given up at last", async (how) => {
    const told: string[] = [];
    const impatient = { ...context, sampleTimeoutMs: 100, onWaiting: (what: string) => told.push(what) };
    const opening = openGenerator(
      generatorSource({ module, ...fields, exportName: "stuck", options: { how } }),
      impatient,
    );
    await expect(opening).rejects.toMatchObject({
      code: "SOURCE_FAILED",
      facts: { place, cause: "it has given nothing for 2 s" },
    });
    expect(told).toEqual([`waiting for ${place}: the generator (stuck) has not given it for 0.1 s`]);
  });

  test("ends with the one who asked for it", async () => {
    const aborting = new AbortController();
    const onWaiting = () => aborting.abort(new Error("nobody waits any more"));
    const declared = generatorSource({ module, ...fields, exportName: "stuck", options: { how: "loops" } });
    const opening = openGenerator(declared, { ...context, sampleTimeoutMs: 100, onWaiting, signal: aborting.signal });
    await expect(opening).rejects.toThrow("nobody waits any more");
  });
});

test("is known by its code and by what it is given", async () => {
  const digest = async (options: Partial<GeneratorOptions>) =>
    (await open({ options: { count: 2 }, ...options })).digest;
  const digests = await Promise.all([
    digest({}),
    digest({ options: { count: 3 } }),
    digest({ exportName: "seeking" }),
    digest({ numClasses: 4 }),
    digest({ numSamples: 1 }),
  ]);
  expect(new Set(digests).size).toBe(digests.length);
  expect(await digest({})).toBe(digests[0]);
});

test.each([{ numSamples: 0 }, { numClasses: 1.5 }])("refuses %o", (options) => {
  expect(() => generatorSource({ module, ...fields, ...options })).toThrow(RangeError);
});
