import { expect, test } from "vitest";
import { type FeedLimits, type FeedMeasurement, type FeedTuning, tuneFeed, untuned } from "./tune-feed.ts";

const limits: FeedLimits = { batchSize: 64, maxThreads: 4, minPartSize: 3, maxAhead: 5, minAhead: 2 };
const start = untuned({ numThreads: 2, partSize: 32, batchesAhead: 5 });

/** A machine: threads make samples at a rate, an engine takes as many as it can. */
function measure(
  { setting: { numThreads, partSize } }: FeedTuning,
  {
    madePerThread,
    taken,
    gain = (count: number) => count,
  }: { madePerThread: number; taken: number; gain?: (count: number) => number },
): FeedMeasurement {
  const windowMs = 250;
  const most = madePerThread * gain(numThreads);
  const numSamples = Math.min(most, taken);
  return {
    windowMs,
    numSamples,
    engineWaitMs: windowMs * Math.max(0, 1 - most / taken),
    busyMs: windowMs * numThreads * Math.min(1, taken / most),
    numParts: Math.ceil(numSamples / partSize),
    readyShare: most > taken ? 1 : 0,
  };
}

function run(machine: Parameters<typeof measure>[1], numWindows: number, from = start): FeedTuning[] {
  const seen = [from];
  for (let window = 0; window < numWindows; window++) {
    seen.push(tuneFeed(seen.at(-1)!, measure(seen.at(-1)!, machine), limits));
  }
  return seen;
}

test("adds threads while the engine waits and they help, then stays", () => {
  const seen = run({ madePerThread: 100, taken: 350 }, 60);
  expect(seen.at(-1)!.setting).toMatchObject({ numThreads: 4, batchesAhead: 5 });
  // Parts for all of them.
  expect(seen.at(-1)!.setting.partSize).toBeLessThanOrEqual(16);
  expect(seen.filter(({ why }) => why !== null)).toHaveLength(2);
});

test("takes a thread back that does not help, and does not try again at once", () => {
  const seen = run({ madePerThread: 100, taken: 900, gain: () => 2 }, 40);
  const counts = seen.map(({ setting }) => setting.numThreads);
  expect(Math.max(...counts)).toBe(3);
  expect(counts.at(-1)).toBe(2);
  expect(counts.filter((count, at) => at > 0 && count !== counts[at - 1])).toHaveLength(2);
});

test("gives cores and batches back where the engine is the slower one, never below what it holds", () => {
  const { setting } = run({ madePerThread: 100, taken: 20 }, 100, untuned({ ...start.setting, numThreads: 4 })).at(-1)!;
  expect(setting).toMatchObject({ numThreads: 1, batchesAhead: limits.minAhead });
});

test("a wait brings all batches ahead back at once", () => {
  const calm = untuned({ numThreads: 1, partSize: 16, batchesAhead: 2 });
  const [, next] = run({ madePerThread: 100, taken: 200 }, 1, calm);
  expect(next).toMatchObject({ setting: { batchesAhead: 5, numThreads: 1 }, why: expect.stringContaining("50 %") });
});

test("parts become larger where they take no time, smaller where they take too long, within the batch and its least", () => {
  const quick = { ...measure(start, { madePerThread: 1e5, taken: 1e4 }), busyMs: 10, numParts: 100 };
  const slow = { ...quick, busyMs: 240, numParts: 1 };
  let tuning = start;
  for (let window = 0; window < 5; window++) tuning = tuneFeed(tuning, quick, limits);
  expect(tuning.setting.partSize).toBe(64);
  for (let window = 0; window < 9; window++) tuning = tuneFeed(tuning, slow, limits);
  expect(tuning.setting.partSize).toBe(3);
});
