import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@anneal/testing";
import { afterAll, describe, expect, test } from "vitest";
import { countLeftOut } from "./bad-records.ts";
import { type Dataset, mix } from "./dataset.ts";
import type { FeedOptions } from "./feed.ts";
import { digests, labelsOf, numbers, readFeed } from "./fixtures/read-feed.ts";
import { openDataset } from "./open.ts";
import { type FeedPlan, trainingPlan } from "./plan.ts";
import { numItems } from "./schedule.ts";
import { transform } from "./transform.ts";
import { standardise } from "./transforms/index.ts";

const fixtures = import.meta.resolve("./fixtures/transforms.ts");
const directory = mkdtempSync(join(tmpdir(), "anneal-pipeline-"));
const context = { cacheDirectory: directory };
afterAll(() => rmSync(directory, { recursive: true }));

async function planOf(dataset: Dataset, changed: { epochs?: number; batchSize?: number } = {}): Promise<FeedPlan> {
  const train = await openDataset(dataset, context);
  return trainingPlan({ train, validation: null, batchSize: 8, seed: 5, epochs: 2, ...changed });
}

const readAll = async (plan: FeedPlan, options: Partial<FeedOptions> = {}) => {
  const reading = await readFeed({ plan, startItem: 0, numSlots: 3, numThreads: 1, ...options });
  expect(reading.failure).toBeNull();
  return reading;
};

const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);

describe("filter", () => {
  test("keeps what a predicate keeps, once and for all: the second time nobody is asked", async () => {
    const even = numbers(60).filter((_, label) => label[0]! % 2 === 0);
    const plan = await planOf(even);
    const expected = Array.from({ length: 30 }, (_, i) => 2 * i);
    const reading = await readAll(plan);
    expect(sorted(labelsOf(reading, 0))).toEqual(expected);
    expect(sorted(labelsOf(reading, 1))).toEqual(expected);
    expect(labelsOf(reading, 0)).not.toEqual(labelsOf(reading, 1));
    const scans = readdirSync(join(directory, "data", "scans"));
    expect(scans).toHaveLength(2);
    // Another predicate is asked, this one's answers are kept.
    expect((await openDataset(even, context)).digest).toBe((await planOf(even)).datasets.train!.digest);
    expect(readdirSync(join(directory, "data", "scans"))).toEqual(scans);
    expect((await planOf(numbers(60).filter((_, label) => label[0]! % 3 === 0))).phases[0]!.numSamples).toBe(20);
    expect(readdirSync(join(directory, "data", "scans"))).toHaveLength(4);
  });

  test("sees what the transforms before it made, and is a step like others: before and after a range differ", async () => {
    const doubled = numbers(20).map((source, target) => target.fill(source[0]! * 2));
    const above = doubled.filter((input) => input[0]! >= 20);
    const labels = async (dataset: Dataset) => sorted(labelsOf(await readAll(await planOf(dataset)), 0));
    expect(await labels(above)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(await labels(above.take(3))).toEqual([10, 11, 12]);
    expect(
      (
        await openDataset(
          doubled.take(3).filter((input) => input[0]! >= 20),
          context,
        )
      ).numSamples,
    ).toBe(0);
  });

  test("after a random transform is refused by name, whether it says that it is random or not", async () => {
    for (const exportName of ["noisy", "secretlyNoisy"]) {
      const dataset = numbers(10)
        .map(transform(fixtures, null, exportName))
        .filter(() => true);
      await expect(openDataset(dataset, context)).rejects.toMatchObject({
        code: "RECIPE_INVALID",
        facts: { exportName },
      });
    }
  });

  test("a predicate that fails, and functions that cannot be sent, say so", async () => {
    const failing = numbers(10).filter((_, label) => (label as unknown as { no(): boolean }).no());
    await expect(openDataset(failing, context)).rejects.toMatchObject({ code: "TRANSFORM_FAILED" });
    const outside = 3;
    const closure = numbers(10).map((source, target) => target.fill(source[0]! + outside));
    await expect(openDataset(closure, context)).rejects.toMatchObject({ code: "RECIPE_INVALID" });
    const judging = numbers(10).filter((source) => source[0]! > outside);
    await expect(openDataset(judging, context)).rejects.toMatchObject({ remedy: expect.stringContaining("module") });
    expect(() => numbers(1).map(Math.max as never)).toThrow(expect.objectContaining({ code: "RECIPE_INVALID" }));
  });
});

describe("split by three shares", () => {
  test("gives each sample one side, near its share, which stays when samples are added", async () => {
    const sidesOf = async (numSamples: number, seed: number) => {
      const { train, validation, test } = numbers(numSamples).split({ train: 0.7, validation: 0.2, test: 0.1, seed });
      return Promise.all(
        [train, validation, test].map(async (side) => {
          const { parts } = await openDataset(side, context);
          return [...parts[0]!.indices!];
        }),
      );
    };
    const random = seededRandom(3);
    for (let trial = 0; trial < 10; trial++) {
      const seed = random.int(0, 1e6);
      const [few, many] = [await sidesOf(1_000, seed), await sidesOf(1_500, seed)];
      expect(sorted(few.flat())).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
      few.forEach((side, at) => {
        expect(Math.abs(side.length - [700, 200, 100][at]!)).toBeLessThan(60);
        expect(many[at]!.filter((index) => index < 1_000)).toEqual(side);
      });
    }
  });

  test("refuses shares that do not add up", () => {
    expect(() => numbers(9).split({ train: 0.5, validation: 0.6 })).toThrow(RangeError);
    expect(() => numbers(9).split({ train: 0.5, validation: 0.2, test: 0.2 })).toThrow(RangeError);
  });
});

describe("mix", () => {
  const [small, large] = [numbers(12), numbers(200).range(100)];

  test("draws each part by its weight, and all of it before any of it again, epoch borders or not", async () => {
    const plan = await planOf(mix([{ dataset: small, weight: 3 }, { dataset: large }], { numSamples: 40 }), {
      epochs: 6,
    });
    expect(plan.phases[0]!.numSamples).toBe(40);
    const reading = await readAll(plan);
    const epochs = Array.from({ length: 6 }, (_, epoch) => labelsOf(reading, epoch));
    for (const labels of epochs) expect(labels.filter((label) => label < 100)).toHaveLength(30);
    const ofSmall = epochs.flat().filter((label) => label < 100);
    // 180 draws: 15 passes, each a permutation of its own.
    const passes = Array.from({ length: 15 }, (_, pass) => ofSmall.slice(12 * pass, 12 * (pass + 1)));
    for (const pass of passes) expect(sorted(pass)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(new Set(passes.map((pass) => pass.join())).size).toBe(15);
    const ofLarge = epochs.flat().filter((label) => label >= 100);
    expect(new Set(ofLarge).size).toBe(60);
  });

  test("gives a sample that comes again other random numbers", async () => {
    const noisy = numbers(4).map(transform(fixtures, null, "noisy"));
    const plan = await planOf(mix([{ dataset: noisy }, { dataset: noisy, weight: 5 }], { numSamples: 32 }), {
      epochs: 3,
    });
    const { batches } = await readAll(plan);
    const inputs = batches.flatMap(({ values }) => values.inputs);
    expect(new Set(inputs).size).toBe(96);
  });

  test("is the same from any place, with any number of threads, as are its parts' filters", async () => {
    const noise = transform(fixtures, null, "noisy");
    const dataset = mix(
      [{ dataset: small.filter((_, label) => label[0] !== 7).map(noise) }, { dataset: large.map(noise), weight: 0.4 }],
      { numSamples: 50 },
    );
    const plan = await planOf(dataset, { epochs: 3 });
    const all = await readAll(plan);
    const random = seededRandom(11);
    for (let trial = 0; trial < 3; trial++) {
      const startItem = random.int(0, numItems(plan) - 1);
      const resumed = await readAll(plan, { startItem, numThreads: random.int(1, 3), partSize: random.int(1, 9) });
      expect(digests(resumed)).toEqual(digests(all).slice(startItem));
    }
  });

  test("parts that differ in their fields are refused", async () => {
    const other = numbers(5).padTo(2);
    await expect(openDataset(mix([{ dataset: small }, { dataset: other }]), context)).rejects.toMatchObject({
      code: "SHAPE_MISMATCH",
      facts: { field: "inputs", expected: "float32[1]", found: "float32[2]" },
    });
    expect(() => mix([{ dataset: small, weight: 0 }])).toThrow(RangeError);
    expect(() => mix([{ dataset: small }, { dataset: large }]).range(3)).toThrow(/no range/);
  });
});

test("shuffle(false) keeps the order, a seed of its own has one that the run's does not change", async () => {
  const ordered = await readAll(await planOf(numbers(20).shuffle(false)));
  expect(labelsOf(ordered, 1)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  const orderOf = async (seed: number) => {
    const train = await openDataset(numbers(20).shuffle(9), context);
    return labelsOf(await readAll(trainingPlan({ train, validation: null, batchSize: 8, seed, epochs: 1 })), 0);
  };
  expect(await orderOf(1)).toEqual(await orderOf(2));
});

describe("cache", () => {
  test("asks the transforms before it once for each sample, and changes no number", async () => {
    const chain = (dataset: Dataset) => dataset.map(transform(fixtures, null, "counting"));
    const noise = transform(fixtures, null, "noisy");
    const plain = await readAll(await planOf(chain(numbers(50)).map(noise), { epochs: 3 }));
    for (const memoryBytes of [2 ** 20, 200]) {
      const cached = chain(numbers(50)).cache({ memoryBytes }).map(noise);
      const plan = await planOf(cached, { epochs: 3 });
      const { parts } = plan.datasets.train!;
      expect(parts[0]!.cache!.numInMemory).toBe(memoryBytes === 2 ** 20 ? 50 : 16);
      for (const numThreads of [1, 2]) expect(digests(await readAll(plan, { numThreads }))).toEqual(digests(plain));
      // Whoever would read it wrong reads another number: the second feed found all 50 samples made.
      const states = new Uint8Array(parts[0]!.cache!.states);
      expect(states).toEqual(new Uint8Array(50).fill(2));
    }
  });

  test("what is random after all is refused", async () => {
    const dataset = numbers(20)
      .map(transform(fixtures, null, "secretlyNoisy"))
      .cache();
    const { failure } = await readFeed({ plan: await planOf(dataset), startItem: 0, numSlots: 2, numThreads: 1 });
    expect(failure).toMatchObject({ code: "RECIPE_INVALID", facts: { exportName: "secretlyNoisy" } });
  });
});

describe("samples that differ in length", () => {
  const ragged = transform(fixtures, { most: 6 }, "repeated");

  test("are made one length by padTo, and refused before step 1 without it", async () => {
    await expect(openDataset(numbers(8).map(ragged), context)).rejects.toMatchObject({
      code: "SHAPE_MISMATCH",
      facts: { found: "float32[?]" },
    });
    const open = await planOf(numbers(8).map(ragged).padTo(4, -1).shuffle(false), { epochs: 1 });
    expect(open.inputs).toEqual({ shape: [4], dtype: "float32" });
    const { batches } = await readAll(open);
    expect(batches[0]!.values.inputs.slice(0, 12)).toEqual([-1, -1, -1, -1, 1, -1, -1, -1, 2, 2, -1, -1]);
    expect(batches[0]!.values.inputs.slice(20, 28)).toEqual([5, 5, 5, 5, 6, 6, 6, 6]);
  });

  test("can be kept in a cache", async () => {
    const cached = numbers(30).map(ragged).cache({ memoryBytes: 500 }).padTo(4);
    const plain = numbers(30).map(ragged).padTo(4);
    expect(digests(await readAll(await planOf(cached, { epochs: 3 })))).toEqual(
      digests(await readAll(await planOf(plain, { epochs: 3 }))),
    );
  });
});

describe("bad records", () => {
  /** Every tenth sample is refused by a transform. */
  const broken = numbers(60).map(transform(fixtures, { every: 10 }, "refusing"));

  test("fail by default, with their place", async () => {
    const { failure } = await readFeed({ plan: await planOf(broken), startItem: 0, numSlots: 2, numThreads: 1 });
    expect(failure).toMatchObject({ code: "TRANSFORM_FAILED", facts: { place: expect.stringContaining("sample") } });
  });

  test("skipped in training: counted, named, others in their places, the same from any place and with any threads", async () => {
    const plan = await planOf(broken.onBadRecord({ action: "skip", maxShare: 0.5 }), { epochs: 3 });
    const all = await readAll(plan);
    for (const epoch of [0, 1, 2]) {
      const labels = labelsOf(all, epoch);
      expect(labels).toHaveLength(60);
      expect(labels.filter((label) => label % 10 === 0)).toEqual([]);
      // Six bad ones an epoch, and those that were drawn in their place.
      const numBad = all.batches.filter((batch) => batch.epoch === epoch).reduce((sum, batch) => sum + batch.numBad, 0);
      expect(numBad).toBeGreaterThanOrEqual(6);
    }
    expect(all.feed.stats().badPlaces).toHaveLength(6);
    const random = seededRandom(7);
    for (let trial = 0; trial < 3; trial++) {
      const startItem = random.int(0, numItems(plan) - 1);
      const resumed = await readAll(plan, { startItem, numThreads: random.int(1, 3), partSize: random.int(1, 9) });
      expect(resumed.batches).toEqual(all.batches.slice(startItem));
    }
  });

  test("held out, they are found when the data is opened and left out; too many are a failure", async () => {
    const skipping = broken.onBadRecord({ action: "skip", maxShare: 0.11 });
    const open = await openDataset(skipping, { ...context, isHeldOut: true });
    expect(open).toMatchObject({ numSamples: 54, leftOut: [{ count: 6 }] });
    expect(open.leftOut[0]!.places[0]).toContain("sample");
    const { train, validation } = skipping.filter(() => true).split({ train: 0.5, validation: 0.5 });
    const sides = [await openDataset(train, context), await openDataset(validation, { ...context, isHeldOut: true })];
    const { count, places } = countLeftOut(sides.flatMap(({ leftOut }) => leftOut));
    // The filter met each of them once, whatever is made of its samples afterwards.
    expect([count, places.length, sides[0]!.numSamples + sides[1]!.numSamples]).toEqual([6, 6, 54]);
    const strict = openDataset(broken.onBadRecord({ action: "skip", maxShare: 0.05 }), { ...context, isHeldOut: true });
    await expect(strict).rejects.toMatchObject({ code: "BAD_RECORDS", facts: { numBad: 6, numSamples: 60 } });
  });

  test("where hardly any sample is sound the feed gives up", async () => {
    const hopeless = numbers(30).map(transform(fixtures, { every: 1 }, "refusing"));
    const plan = await planOf(hopeless.onBadRecord({ action: "skip", maxShare: 1 }));
    const { failure } = await readFeed({ plan, startItem: 0, numSlots: 2, numThreads: 1 });
    expect(failure).toMatchObject({ code: "BAD_RECORDS" });
  });
});

describe("a transform that hangs", () => {
  test("costs a thread, and its part is done again", async () => {
    const once = join(directory, "hung");
    const plan = await planOf(numbers(60).map(transform(fixtures, { at: 37, once }, "hanging")));
    const calm = await readAll(await planOf(numbers(60).map(transform(fixtures, { at: -1 }, "hanging"))));
    const reading = await readAll(plan, { sampleTimeoutMs: 400, numThreads: 2 });
    expect(reading.feed.stats().numThreadDeaths).toBeGreaterThan(0);
    expect(digests(reading)).toEqual(digests(calm));
  });

  test("twice is TRANSFORM_HUNG, with the sample's place", async () => {
    const plan = await planOf(numbers(60).map(transform(fixtures, { at: 37 }, "hanging")));
    const { failure } = await readFeed({ plan, startItem: 0, numSlots: 2, numThreads: 2, sampleTimeoutMs: 300 });
    expect(failure).toMatchObject({ code: "TRANSFORM_HUNG", facts: { sampleIndex: 37, place: "arrays, sample 37" } });
  });

  test("hangs no opening: in a filter, in a function that is tried, in what is learned from; one that ends its thread ends no more", async () => {
    const forever = numbers(4).map((_source, _target) => {
      for (;;);
    });
    const filtered = numbers(40).filter((input) => {
      while (input[0] === 3);
      return true;
    });
    const learned = numbers(40)
      .map(transform(fixtures, { at: 7 }, "hanging"))
      .map(standardise());
    for (const [hanging, place] of [
      [forever, "zeros"],
      [filtered, "3"],
      [learned, "7"],
    ] as const) {
      const opening = openDataset(hanging, { ...context, sampleTimeoutMs: 400 });
      await expect(opening).rejects.toMatchObject({
        code: "TRANSFORM_HUNG",
        facts: { place: expect.stringContaining(place) },
      });
    }
    for (const [ending, doing] of [
      [numbers(4).map((_source, _target) => process.exit(0)), "tries the functions given to map()"],
      [numbers(4).filter(() => process.exit(0)), "looks through the samples"],
    ] as const) {
      await expect(openDataset(ending, context)).rejects.toMatchObject({
        code: "TRANSFORM_FAILED",
        message: expect.stringMatching(
          new RegExp(`A thread that ${RegExp.escape(doing)}.* died while the data was being opened`),
        ),
      });
    }
  });
});
