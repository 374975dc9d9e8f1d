import { type BenchResult, type Row, rowsOf } from "../harness/bench.ts";
import { formatNumber } from "../harness/render.ts";
import { median, roundRatios } from "../harness/statistics.ts";
import { budgetName, type PlannedMemory, type PlannedRun } from "./planner.ts";

const { compared, measured: alone } = rowsOf("memory");
const bytesPerMiB = 2 ** 20;

/** Rows of what a budget does, and a sentence each on what was planned, and why. */
export function reportPlans(results: readonly PlannedMemory[]) {
  return {
    rows: results.flatMap(plannedRows),
    notes: results.flatMap(({ workload, planned: [plain, ...runs], notes }) => [
      ...runs.map((run) => describeRun(workload.name, run, plain!)),
      ...notes,
    ]),
    details: results.map(({ workload, planned }) => ({ workload: workload.name, planned })),
  } satisfies BenchResult;
}

function plannedRows({ workload: { title: workload }, planned: [plain, ...runs] }: PlannedMemory): readonly Row[] {
  return runs.flatMap(({ share, budgetMiB, decision, peak, msPerStep }) => {
    const within = budgetName(share!);
    const lower = { workload, better: "lower" } as const;
    const predicted = decision?.predictedPeakBytes ?? null;
    return [
      ...(predicted === null
        ? []
        : [alone({ workload, metric: `${within}: predicted`, unit: "MiB" }, [predicted / bytesPerMiB - peak.base])]),
      compared(
        { ...lower, metric: `${within}: step's peak`, unit: "MiB", peer: "the budget" },
        [peak.step],
        [budgetMiB! - peak.base],
      ),
      compared({ ...lower, metric: `${within}: step`, unit: "ms", peer: "no budget" }, msPerStep, plain!.msPerStep),
    ];
  });
}

function describeRun(title: string, { share, budgetMiB, decision, peak, msPerStep }: PlannedRun, plain: PlannedRun) {
  const slower = 1 / median(roundRatios(msPerStep, plain.msPerStep, "lower")) - 1;
  const taken = peak.base + peak.step;
  const fits = taken <= budgetMiB! ? "fits" : "does not fit";
  const { microBatches = 1, recomputeSegments = 1 } = decision?.rung ?? {};
  return `${title}, ${budgetName(share!)}: ${formatNumber(taken)} MiB of ${formatNumber(budgetMiB!)}, ${fits}, with ${microBatches} micro-batches and ${recomputeSegments} segments; ${formatNumber(100 * slower)} % more time; planned: ${decision?.why ?? "nothing"}`;
}
