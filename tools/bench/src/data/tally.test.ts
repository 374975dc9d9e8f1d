import { expect, it } from "vitest";
import { Tally } from "./tally.ts";

const now = () => performance.timeOrigin + performance.now();

it("adds up what batches hold, of the last epoch alone", () => {
  const tally = new Tally({ consumeMs: 0, checks: true }, now(), 2);
  const feed = (inputs: number[], labels: number[]) =>
    tally.consume(
      () => Float32Array.from(inputs),
      () => Int32Array.from(labels),
      labels.length,
      0,
    );
  feed([100, 100], [9, 9]);
  tally.endEpoch();
  feed([1, 3, 5, 7], [0, 2]);
  feed([1, 3, 5, 7], [4, 4]);
  feed([4, 4], [2]);
  tally.endEpoch();
  const { epochs, statistics } = tally.result;
  expect(epochs.map(({ numSamples }) => numSamples)).toEqual([2, 5]);
  // The last batch is smaller: its label counts, but not in how full batches differ.
  expect(statistics).toMatchObject({ numSamples: 5, mean: 4, meanLabel: 2.4, labelSpread: 1.5 });
  expect(statistics?.std).toBeCloseTo(2, 9);
  expect(statistics?.stdLabel).toBeCloseTo(Math.sqrt(2.24), 9);
});

it("is busy for as long as it was told, and keeps waits apart by epoch", () => {
  const tally = new Tally({ consumeMs: 20, checks: false }, now(), 1);
  const never = () => {
    throw new Error("nobody asked to look at values");
  };
  for (const [waitMs, isLast] of [
    [5, false],
    [1, true],
    [2, true],
  ] as const) {
    tally.consume(never, never, 1, waitMs);
    if (isLast) tally.endEpoch();
  }
  const { epochs, statistics } = tally.result;
  expect(statistics).toBeNull();
  expect(epochs.map(({ waitMs, firstWaitMs }) => [waitMs, firstWaitMs])).toEqual([
    [6, 5],
    [2, 2],
  ]);
  expect(epochs[0]?.elapsedMs).toBeGreaterThanOrEqual(40);
  expect(epochs[1]?.elapsedMs).toBeGreaterThanOrEqual(20);
});
