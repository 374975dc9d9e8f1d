import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, describe, expect, test, vi } from "vitest";
import { openFeed } from "./feed.ts";
import { digests, numbers, read, readFeed } from "./fixtures/read-feed.ts";
import { openDataset } from "./open.ts";
import { evaluationPlan, type FeedPlan, trainingPlan } from "./plan.ts";
import { mnist } from "./ready-made.ts";
import { itemAt, numItems } from "./schedule.ts";
import { transform } from "./transform.ts";
import { normalise, rotate, shift } from "./transforms/index.ts";

const troubles = import.meta.resolve("./fixtures/transforms.ts");
const directory = mkdtempSync(join(tmpdir(), "anneal-feed-"));
afterAll(() => rmSync(directory, { recursive: true }));

async function numbersPlan(trouble: Parameters<typeof transform>, numSamples = 90): Promise<FeedPlan> {
  const train = await openDataset(numbers(numSamples).map(transform(...trouble)));
  return trainingPlan({ train, validation: null, batchSize: 16, seed: 5, epochs: 2 });
}

async function mnistPlan(): Promise<FeedPlan> {
  const { rest, held } = mnist({ split: "train" }).take(700).split({ share: 0.2 });
  const scaled = normalise({ scale: 1 / 255, mean: 0.1307, std: 0.3081 });
  const train = rest
    .map(shift({ maxPixels: 2 }))
    .map(rotate({ maxDegrees: 10 }))
    .map(scaled);
  const [open, openHeld] = [await openDataset(train), await openDataset(held.map(scaled))];
  return trainingPlan({ train: open, validation: openHeld, batchSize: 64, seed: 3, epochs: 2 });
}

test("batches are the same for any number of threads and any part size", async () => {
  const plan = await mnistPlan();
  const base = await readFeed({ plan, startItem: 0, numSlots: 3, numThreads: 1 });
  expect(base.failure).toBeNull();
  expect(base.batches).toMatchObject(
    Array.from({ length: numItems(plan) }, (_, index) => ({ ...itemAt(plan, index), numBad: 0 })),
  );
  // Train batches differ between epochs (order and augmentation), validation batches do not.
  const ofPhase = (phase: string, epoch: number) =>
    base.batches.filter((batch) => batch.phase === phase && batch.epoch === epoch).map(({ digest }) => digest);
  expect(ofPhase("validation", 1)).toEqual(ofPhase("validation", 0));
  expect(new Set([...ofPhase("train", 0), ...ofPhase("train", 1)]).size).toBe(2 * ofPhase("train", 0).length);

  for (const options of [
    { numThreads: 2, numSlots: 2, partSize: 7 },
    { numThreads: 4, numSlots: 8, partSize: 64 },
    { numThreads: 2, numSlots: 5, partSize: 1 },
  ]) {
    expect(digests(await readFeed({ plan, startItem: 0, ...options }))).toEqual(digests(base));
  }
});

test("a feed that starts at any item gives the very same batches from there", async () => {
  const train = await openDataset(numbers(50).map(transform(troubles, { at: -1 }, "throwing")));
  const validation = await openDataset(numbers(20));
  const plan = trainingPlan({ train, validation, batchSize: 8, seed: 11, epochs: 3 });
  const all = await readFeed({ plan, startItem: 0, numSlots: 4, numThreads: 1 });
  expect(all.batches.length).toBe(numItems(plan));
  await fc.assert(
    fc.asyncProperty(
      fc.nat(numItems(plan) - 1),
      fc.integer({ min: 1, max: 2 }),
      fc.integer({ min: 2, max: 5 }),
      async (startItem, numThreads, numSlots) => {
        const resumed = await readFeed({ plan, startItem, numThreads, numSlots, partSize: 3 });
        expect(resumed.batches).toEqual(all.batches.slice(startItem));
      },
    ),
    { numRuns: 8 },
  );
});

test("an evaluation is one pass in order over all samples", async () => {
  const dataset = await openDataset(mnist({ split: "test" }).take(150));
  const plan = evaluationPlan({ dataset, batchSize: 64, seed: 1 });
  const { batches } = await readFeed({ plan, startItem: 0, numSlots: 2, numThreads: 1 });
  expect(batches.map(({ phase, numSamples }) => [phase, numSamples])).toEqual([
    ["evaluation", 64],
    ["evaluation", 64],
    ["evaluation", 22],
  ]);
});

describe("back-pressure", () => {
  test("no slot is written before its batch is released, however slow the reader", async () => {
    const plan = await mnistPlan();
    const { batches, feed } = await readFeed({ plan, startItem: 0, numSlots: 2, numThreads: 2, partSize: 5 }, 10);
    expect(batches.map(({ digestAtRelease }) => digestAtRelease)).toEqual(batches.map(({ digest }) => digest));
    expect(feed.stats().numSamples).toBe(2 * 700);
  });

  test("without a reader the ring fills up and no further", async () => {
    const feed = openFeed({ plan: await mnistPlan(), startItem: 0, numSlots: 3, numThreads: 2 });
    feed.start();
    await vi.waitUntil(() => feed.stats().occupancy === 1, { timeout: 10_000 });
    await sleep(100);
    expect(feed.stats()).toMatchObject({ numSamples: 3 * 64, occupancy: 1 });
    await feed.close();
  });

  test("stopItem ends the production early", async () => {
    const plan = await mnistPlan();
    const { batches } = await readFeed({ plan, startItem: 2, stopItem: 5, numSlots: 8, numThreads: 1 });
    expect(batches.map(({ index }) => index)).toEqual([2, 3, 4]);
  });
});

describe("when a transform goes wrong", () => {
  test("what it throws reaches the waiting engine with module and sample", async () => {
    const plan = await numbersPlan([troubles, { at: 37 }, "throwing"]);
    const { failure, batches, feed } = await readFeed({ plan, startItem: 0, numSlots: 4, numThreads: 2 });
    expect(failure).toMatchObject({
      code: "TRANSFORM_FAILED",
      facts: { module: troubles, exportName: "throwing", sampleIndex: 37, cause: "no such angle" },
    });
    expect(feed.failure?.toRecord()).toEqual(failure);
    expect(batches.length).toBeLessThan(6); // not even the first epoch, which has the sample in it
  });

  test("a thread that dies is replaced, its part done again, and nothing changes", async () => {
    const calm = await numbersPlan([troubles, { at: -1 }, "exiting"]);
    const undisturbed = await readFeed({ plan: calm, startItem: 0, numSlots: 4, numThreads: 1 });
    const once = join(directory, "died");
    const deadly = await numbersPlan([troubles, { at: 37, once }, "exiting"]);
    const survived = await readFeed({ plan: deadly, startItem: 0, numSlots: 4, numThreads: 2 });
    expect(existsSync(once)).toBe(true);
    expect(survived.failure).toBeNull();
    expect(survived.feed.stats().numThreadDeaths).toBeGreaterThan(0);
    expect(digests(survived)).toEqual(digests(undisturbed));
  });

  test("a thread that dies each time is given up, with the sample it died in", async () => {
    const plan = await numbersPlan([troubles, { at: 37 }, "exiting"]);
    const { failure } = await readFeed({ plan, startItem: 0, numSlots: 2, numThreads: 2 });
    expect(failure).toMatchObject({ code: "TRANSFORM_FAILED", facts: { sampleIndex: 37, numAttempts: 3 } });
  });

  test("threads that cannot start are given up", async () => {
    const plan = await numbersPlan([troubles, { at: -1 }, "throwing"]);
    const execArgv = ["--import", "data:text/javascript,process.exit(9)"];
    const { failure } = await readFeed({ plan, startItem: 0, numSlots: 2, numThreads: 2, execArgv });
    expect(failure).toMatchObject({ code: "TRAINER_CRASHED", facts: { sampleIndex: null } });
  });
});

describe("closing", () => {
  test("ends a reader's wait, and threads that would never end by themselves", async () => {
    const plan = await numbersPlan([troubles, { at: 37 }, "hanging"]);
    const feed = openFeed({ plan, startItem: 0, numSlots: 4, numThreads: 1 });
    feed.start();
    const reading = read(feed.handles);
    await vi.waitUntil(() => feed.stats().numSamples > 0, { timeout: 10_000 });
    await feed.close();
    expect((await reading).failure).toMatchObject({ code: "PREEMPTED" });
  });

  // Threads are counted in /proc, which only Linux has.
  test.runIf(process.platform === "linux")("leaves no thread behind", async () => {
    const countThreads = () => readdirSync("/proc/self/task").length;
    const plan = await mnistPlan();
    const before = countThreads();
    const feed = openFeed({ plan, startItem: 0, numSlots: 4, numThreads: 3 });
    feed.start();
    await vi.waitUntil(() => feed.stats().occupancy === 1, { timeout: 10_000 });
    expect(countThreads()).toBeGreaterThanOrEqual(before + 3);
    await feed.close();
    expect(countThreads()).toBe(before);
  });
});

test("tells the wait of the engine apart (start, borders of phases, rest) and how busy each thread was", async () => {
  const startedAt = performance.now();
  const { feed, batches } = await readFeed({ plan: await mnistPlan(), startItem: 0, numSlots: 3, numThreads: 1 });
  const elapsedMs = performance.now() - startedAt;
  const { waits, threads, numSamples } = feed.stats();
  expect(waits.numItems).toBe(batches.length);
  expect(waits.startMs + waits.boundaryMs).toBeLessThanOrEqual(waits.totalMs + 0.01);
  expect(waits.totalMs).toBeLessThan(elapsedMs);
  expect(threads.reduce((sum, thread) => sum + thread.numSamples, 0)).toBe(numSamples);
  // Tasks that queue in a thread must not count twice.
  expect(threads[0]!.busyMs).toBeGreaterThan(0);
  expect(threads[0]!.busyMs).toBeLessThan(elapsedMs);
});
