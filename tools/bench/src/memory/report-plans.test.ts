import { expect, it } from "vitest";
import { workloads } from "../step/workloads.ts";
import type { PlannedRun } from "./planner.ts";
import { reportPlans } from "./report-plans.ts";

const bytesPerMiB = 2 ** 20;
const plain: PlannedRun = {
  share: null,
  budgetMiB: null,
  decision: null,
  peak: { base: 400, ready: 440, step: 200, process: 620 },
  msPerStep: [100, 100, 110],
};

function planned(share: number, step: number, msPerStep: readonly number[]): PlannedRun {
  const rung = { prefetchBatches: 8, microBatches: 2, recomputeSegments: 4 };
  const budgetMiB = 400 + share * 200;
  const why = "it is predicted to fit";
  const [budgetBytes, predictedPeakBytes] = [budgetMiB * bytesPerMiB, 480 * bytesPerMiB];
  const decision = { rung, why, budgetBytes, predictedPeakBytes, batchBytes: 0 };
  return { share, budgetMiB, decision, peak: { base: 405, ready: 441, step, process: 410 + step }, msPerStep };
}

it("says of each budget what was predicted and taken, and what it cost in time", () => {
  const runs = [planned(1 / 2, 76, [125, 125, 110]), planned(1 / 4, 100, [200, 160, 176])];
  const { rows, notes } = reportPlans([
    { workload: workloads[0], planned: [plain, ...runs], notes: ["one is too small"] },
  ]);
  expect(rows.map(({ metric, value, peer, ratio }) => [metric, value, peer, ratio])).toEqual([
    ["budget 1/2: predicted", 480, null, null],
    ["budget 1/2: taken", 486, "the budget", 500 / 486],
    ["budget 1/2: step's peak", 76, "no budget", 200 / 76],
    ["budget 1/2: above the ready process", 40, "no budget", 4],
    ["budget 1/2: step", 125, "no budget", 0.8],
    ["budget 1/4: predicted", 480, null, null],
    ["budget 1/4: taken", 510, "the budget", 450 / 510],
    ["budget 1/4: step's peak", 100, "no budget", 2],
    ["budget 1/4: above the ready process", 64, "no budget", 2.5],
    ["budget 1/4: step", 176, "no budget", 0.625],
  ]);
  expect(notes[0]).toContain(
    "mlp, budget 1/2: 486 MiB of 500, fits, with 2 micro-batches and 4 segments; 25 % more time",
  );
  expect(notes[1]).toContain("does not fit");
  expect(notes).toContain("one is too small");
});
