import { expect, it } from "vitest";
import { checkEqualBatches } from "./equal-batches.ts";
import type { BatchStatistics } from "./protocol.ts";

const workload = { name: "csv", batchSize: 100, bounds: { mean: 0.01, spread: 0.02 } } as const;
const numSamples = 10_000;
const ours = { numSamples, mean: 0.5, std: 1, meanLabel: 4.5, stdLabel: 2.9, labelSpread: 0.29 };

function check(other: Partial<BatchStatistics>, samples = numSamples): void {
  const subject = (name: string, statistics: BatchStatistics) => ({ spec: { name }, statistics });
  checkEqualBatches(workload, samples, [subject("ours", ours), subject("peer", { ...ours, ...other })]);
}

it("takes batches whose values are as close as was said", () => {
  expect(() => check({ mean: 0.509, std: 0.985, labelSpread: 0.33 })).not.toThrow();
});

it.each<[string, Partial<BatchStatistics>]>([
  ["another number of samples", { numSamples: 9_999 }],
  ["another mean", { mean: 0.52 }],
  ["another spread", { std: 1.03 }],
  ["other labels", { meanLabel: 4.501 }],
  ["samples of a class that come together", { labelSpread: 2.9 }],
  ["values that are no numbers", { mean: Number.NaN }],
])("refuses to compare %s, naming whose", (_, other) => {
  expect(() => check(other)).toThrow(/the csv batches of peer/);
});

it("says nothing of how a few batches were shuffled", () => {
  const few = { ...ours, numSamples: 1_000 };
  const subjects = [few, { ...few, labelSpread: 2.9 }].map((statistics) => ({ spec: { name: "any" }, statistics }));
  expect(() => checkEqualBatches(workload, 1_000, subjects)).not.toThrow();
});
