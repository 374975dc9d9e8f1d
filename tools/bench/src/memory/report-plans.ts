import { type BenchResult, type Row, rowsOf } from "../harness/bench.ts";
import { formatNumber } from "../harness/render.ts";
import { median, roundRatios } from "../harness/statistics.ts";
import { aboveReady } from "./peaks.ts";
import { budgetName, type PlannedMemory, type PlannedRun } from "./planner.ts";

const { compared, measured: alone } = rowsOf("memory");
const bytesPerMiB = 2 ** 20;
/** Peaks of two processes that do the same differ by as much, so that a plain step would not always fit what it took. */
const betweenProcesses = 0.01;

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
        : [alone({ workload, metric: `${within}: predicted`, unit: "MiB" }, [predicted / bytesPerMiB])]),
      compared({ ...lower, metric: `${within}: taken`, unit: "MiB", peer: "the budget" }, [peak.process], [budgetMiB!]),
      compared(
        { ...lower, metric: `${within}: step's peak`, unit: "MiB", peer: "no budget" },
        [peak.step],
        [plain!.peak.step],
      ),
      compared(
        { ...lower, metric: `${within}: above the ready process`, unit: "MiB", peer: "no budget" },
        [aboveReady(peak)],
        [aboveReady(plain!.peak)],
      ),
      compared({ ...lower, metric: `${within}: step`, unit: "ms", peer: "no budget" }, msPerStep, plain!.msPerStep),
    ];
  });
}

function describeRun(title: string, { share, budgetMiB, decision, peak, msPerStep }: PlannedRun, plain: PlannedRun) {
  const slower = 1 / median(roundRatios(msPerStep, plain.msPerStep, "lower")) - 1;
  const fits = peak.process <= (1 + betweenProcesses) * budgetMiB! ? "fits" : "does not fit";
  const { microBatches = 1, recomputeSegments = 1 } = decision?.rung ?? {};
  return `${title}, ${budgetName(share!)}: ${formatNumber(peak.process)} MiB of ${formatNumber(budgetMiB!)}, ${fits}, with ${microBatches} micro-batches and ${recomputeSegments} segments; ${formatNumber(100 * slower)} % more time; planned: ${decision?.why ?? "nothing"}`;
}
