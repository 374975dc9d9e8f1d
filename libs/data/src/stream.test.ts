import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@anneal/testing";
import { afterAll, describe, expect, test } from "vitest";
import type { Dataset } from "./dataset.ts";
import { generator } from "./files.ts";
import { digests, labelsOf, numbers, readFeed } from "./fixtures/read-feed.ts";
import { openDataset } from "./open.ts";
import { trainingPlan } from "./plan.ts";
import { numItems } from "./schedule.ts";
import { windowPermutation } from "./stream-order.ts";
import { transform } from "./transform.ts";
import { standardise } from "./transforms/index.ts";

const fixtures = import.meta.resolve("./fixtures/transforms.ts");
const directory = mkdtempSync(join(tmpdir(), "anneal-stream-"));
const context = { cacheDirectory: directory };
afterAll(() => rmSync(directory, { recursive: true }));

function counting(options: { numSamples: number; canSeek?: boolean; badEvery?: number; throwAt?: number }): Dataset {
  return generator({
    module: import.meta.resolve("./fixtures/generators.ts"),
    exportName: "counting",
    options,
    numSamples: options.numSamples,
    inputs: { shape: [2], dtype: "float32" },
    labels: { shape: [], dtype: "float32" },
    canSeek: options.canSeek ?? false,
  });
}

async function planOf(train: Dataset, validation: Dataset | null = null, epochs = 2) {
  return trainingPlan({
    train: await openDataset(train, context),
    validation: validation === null ? null : await openDataset(validation, { ...context, isHeldOut: true }),
    batchSize: 8,
    seed: 5,
    epochs,
  });
}

const ascending = (length: number) => Array.from({ length }, (_, i) => i);
const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);

test("a generator's samples are shuffled within windows, anew each epoch, held-out ones never; epochs have their number", async () => {
  const plan = await planOf(counting({ numSamples: 50 }).shuffle(true, { window: 20 }), counting({ numSamples: 10 }));
  const reading = await readFeed({ plan, startItem: 0, numSlots: 3, numThreads: 1 });
  expect(reading.failure).toBeNull();
  for (const epoch of [0, 1]) {
    const labels = labelsOf(reading, epoch);
    for (const start of [0, 20, 40]) {
      expect(sorted(labels.slice(start, start + 20))).toEqual(ascending(50).slice(start, start + 20));
    }
    expect(labelsOf(reading, epoch, "validation")).toEqual(ascending(10));
    const epochs = (phase: string) =>
      reading.batches
        .filter((batch) => batch.epoch === epoch && batch.phase === phase)
        .flatMap(({ values }) => values.inputs.filter((_, i) => i % 2 === 1));
    expect(new Set(epochs("train"))).toEqual(new Set([epoch]));
    expect(new Set(epochs("validation"))).toEqual(new Set([0]));
  }
  expect(labelsOf(reading, 0)).not.toEqual(labelsOf(reading, 1));
  const ordered = await readFeed({
    plan: await planOf(counting({ numSamples: 20 }).shuffle(false)),
    startItem: 0,
    numSlots: 2,
    numThreads: 1,
  });
  expect(labelsOf(ordered, 1)).toEqual(ascending(20));
});

test.each([true, false])("is the same from any place, by any number of threads (it can seek: %s)", async (canSeek) => {
  const noise = transform(fixtures, null, "noisy");
  const train = counting({ numSamples: 45, canSeek }).shuffle(3, { window: 12 }).map(noise);
  const plan = await planOf(train, counting({ numSamples: 9, canSeek }));
  const all = await readFeed({ plan, startItem: 0, numSlots: 3, numThreads: 1 });
  const random = seededRandom(canSeek ? 1 : 2);
  for (let trial = 0; trial < 3; trial++) {
    const startItem = random.int(1, numItems(plan) - 1);
    const options = { numSlots: random.int(2, 4), numThreads: random.int(1, 3), partSize: random.int(1, 8) };
    const resumed = await readFeed({ plan, startItem, ...options });
    expect(digests(resumed)).toEqual(digests(all).slice(startItem));
  }
});

test("samples that are not as declared are replaced by others of their batch, or end the feed with their place", async () => {
  const broken = counting({ numSamples: 40, badEvery: 10 });
  const strict = await readFeed({ plan: await planOf(broken), startItem: 0, numSlots: 2, numThreads: 1 });
  expect(strict.failure).toMatchObject({ code: "BAD_RECORD", facts: { place: expect.stringContaining("sample ") } });
  const plan = await planOf(broken.onBadRecord({ action: "skip", maxShare: 0.5 }));
  const all = await readFeed({ plan, startItem: 0, numSlots: 3, numThreads: 2 });
  expect(all.failure).toBeNull();
  expect(labelsOf(all, 0)).toHaveLength(40);
  expect(labelsOf(all, 0).filter((label) => label % 10 === 0)).toEqual([]);
  expect(all.batches.reduce((sum, { numBad }) => sum + numBad, 0)).toBeGreaterThanOrEqual(8);
  expect((await readFeed({ plan, startItem: 4, numSlots: 2, numThreads: 1 })).batches).toEqual(all.batches.slice(4));
});

test("what a generator throws ends the feed with its own words", async () => {
  const plan = await planOf(counting({ numSamples: 40, throwAt: 30 }).shuffle(false));
  const { failure, batches } = await readFeed({ plan, startItem: 0, numSlots: 2, numThreads: 1 });
  expect(failure).toMatchObject({ code: "SOURCE_FAILED", message: expect.stringContaining("the line is dead") });
  expect(batches.length).toBeLessThanOrEqual(3);
});

describe("a generator that gives nothing more", () => {
  const stopping = (options: { how: "loops" | "exits"; until?: string }) =>
    generator({
      module: import.meta.resolve("./fixtures/generators.ts"),
      exportName: "stopping",
      options: { at: 20, ...options },
      numSamples: 24,
      inputs: { shape: [2], dtype: "float32" },
      labels: { shape: [], dtype: "float32" },
    }).shuffle(false);

  test("is waited for: which sample is told once, and when it comes the feed goes on", async () => {
    const until = join(directory, "go on");
    const told: string[] = [];
    const onWaiting = (what: string) => {
      told.push(what);
      writeFileSync(until, "");
    };
    const plan = await planOf(stopping({ how: "loops", until }), null, 1);
    const reading = await readFeed({ plan, startItem: 0, numSlots: 2, numThreads: 1, sampleTimeoutMs: 200, onWaiting });
    expect(reading.failure).toBeNull();
    expect(labelsOf(reading, 0)).toEqual(ascending(24));
    expect(told).toEqual([
      expect.stringMatching(
        /^waiting for .*, sample 20 of epoch 0: the generator \(stopping\) has not given it for 0\.2 s$/,
      ),
    ]);
  });

  test.each([
    ["loops", "it has given nothing for 2 s"],
    ["exits", "it ended its thread (process.exit, code 3)"],
  ] as const)(
    "and %s ends the feed as a failure of its own, by the sample; what came before is trained",
    async (how, cause) => {
      const plan = await planOf(stopping({ how }), null, 1);
      const reading = await readFeed({ plan, startItem: 0, numSlots: 2, numThreads: 1, sampleTimeoutMs: 100 });
      expect(labelsOf(reading, 0)).toEqual(ascending(16));
      expect(reading.failure).toMatchObject({
        code: "SOURCE_FAILED",
        facts: { exportName: "stopping", place: expect.stringContaining("sample 20 of epoch 0"), cause },
      });
    },
  );
});

test("what would need numbers of samples is refused", async () => {
  const stream = counting({ numSamples: 10 });
  for (const dataset of [stream.take(3), stream.filter(() => true), stream.cache(), stream.map(standardise())]) {
    await expect(openDataset(dataset, context)).rejects.toMatchObject({ code: "RECIPE_INVALID" });
  }
  expect(() => numbers(3).shuffle(1, { window: 0 })).toThrow(RangeError);
});

test("a window's order is a permutation, and a function of seed, epoch and window", () => {
  const random = seededRandom(9);
  const seen = new Set<string>();
  for (let trial = 0; trial < 50; trial++) {
    const [seed, epoch, window] = [random.int(0, 1e6), random.int(0, 50), random.int(0, 50)];
    const size = random.int(20, 60);
    const order = windowPermutation(seed, epoch, window, size);
    expect(sorted([...order])).toEqual(ascending(size));
    expect(windowPermutation(seed, epoch, window, size)).toEqual(order);
    seen.add(order.join());
  }
  expect(seen.size).toBe(50);
});
