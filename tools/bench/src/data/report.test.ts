import { expect, it } from "vitest";
import type { DataWorkloadResult, MeasuredData } from "./measure.ts";
import type { EpochTimes } from "./protocol.ts";
import { reportData } from "./report.ts";
import type { DataSubjectSpec } from "./subject-specs.ts";
import { dataWorkloads } from "./workloads.ts";

const epoch = (elapsedMs: number, waitMs = 0, firstWaitMs = 0): EpochTimes => ({
  numSamples: 1_000,
  elapsedMs,
  waitMs,
  firstWaitMs,
});

function subject(name: string, family: DataSubjectSpec["family"], laterMs: number): MeasuredData {
  return {
    spec: { name, family, command: { file: "", args: [], env: {} }, variant: "", isOptional: false },
    version: "1",
    statistics: { numSamples: 1_000, mean: 0, std: 1, meanLabel: 1, stdLabel: 1, labelSpread: 0.1 },
    first: epoch(2 * laterMs),
    later: [epoch(laterMs), epoch(laterMs)],
    // 500 ms to begin with, then 50 of 950 waited for, 20 of them at a border.
    consumed: [[epoch(1_000, 530, 500), epoch(450, 20, 20)]],
    peakMiB: laterMs,
    baseMiB: 100,
  };
}

const result: DataWorkloadResult = {
  workload: dataWorkloads[0]!,
  numSamples: 1_000,
  consumeMs: 200,
  measured: [
    subject("Anneal", "Anneal", 100),
    subject("tfjs-data", "tfjs-data", 400),
    subject("slow way", "PyTorch DataLoader", 300),
    subject("fast way", "PyTorch DataLoader", 150),
    subject("tf.data", "tf.data", 200),
  ],
  notes: ["one could not be measured"],
};

it("compares with the faster way of each peer, and with the best of Python's", () => {
  const { rows, notes } = reportData([result]);
  const later = rows.filter(({ metric }) => metric === "a later epoch");
  expect(later.map(({ value, peer, ratio }) => [value, peer, ratio])).toEqual([
    [10_000, "tfjs-data", 4],
    [10_000, "tf.data", 2],
    [10_000, "fast way", 1.5],
    [10_000, "the best Python peer: fast way", 1.5],
  ]);
  const first = rows.find(({ metric, peer }) => metric.startsWith("first epoch") && peer === "tf.data");
  expect(first).toMatchObject({ value: 5_000, ratio: 2 });
  const memory = rows.filter(({ metric, peer }) => peer === "tfjs-data" && /memory|for data/.test(metric));
  expect(memory.map(({ value, ratio }) => [value, ratio])).toEqual([
    [200, 2.5],
    [100, 4],
  ]);
  expect(notes).toHaveLength(2);
});

it("leaves the start out of what a consumer waits", () => {
  const { rows } = reportData([{ ...result, measured: result.measured.slice(0, 1) }]);
  const waits = rows.filter(({ metric }) => metric.includes("wait"));
  expect(waits.map(({ metric }) => metric)).toEqual([
    "consumer of 200 ms waits, Anneal",
    "wait at an epoch's border, Anneal",
  ]);
  expect(waits[0]?.value).toBeCloseTo((100 * 50) / 950, 9);
  expect(waits[1]?.value).toBe(20);
});

it("says nothing of how a subject without a consumer waits", () => {
  const slow = { ...subject("slow", "tfjs-data", 90_000), consumed: [] };
  const { rows } = reportData([{ ...result, measured: [result.measured[0]!, slow] }]);
  expect(rows.filter(({ metric }) => metric.endsWith("slow"))).toEqual([]);
  expect(rows.find(({ metric }) => metric === "a later epoch")).toMatchObject({ peer: "slow", ratio: 900 });
});
