import type { MemoryDecision } from "@anneal/contracts";
import type { BenchScope } from "../harness/bench.ts";
import { interleave } from "../harness/interleave.ts";
import { median } from "../harness/statistics.ts";
import { checkEqualWork } from "../step/equal-work.ts";
import { type CommonOrder, forEachSubject, launch } from "../step/launch.ts";
import { budgetSpecs } from "../step/subject-specs.ts";
import type { Workload } from "../step/workloads.ts";
import { peakMemoryMiB } from "../subjects/process-usage.ts";
import { aboveReady, type PeakMemory, takeFirstSteps } from "./peaks.ts";

export interface PlannedRun {
  /** Of the plain step's peak that the budget has above the base; null: no budget. */
  readonly share: number | null;
  readonly budgetMiB: number | null;
  readonly decision: MemoryDecision | null;
  readonly peak: PeakMemory;
  /** By round, in turn with the other runs. */
  readonly msPerStep: readonly number[];
}

export interface PlannedMemory {
  readonly workload: Workload;
  /** Without a budget first. */
  readonly planned: readonly PlannedRun[];
  readonly notes: readonly string[];
}

/**
 * Of what a plain step adds to a process that is ready for it: no rung can save the runtime, weights and a compiled step, so that
 * the rest alone is what a budget is a part of.
 */
const shares = [1, 1 / 2, 1 / 4] as const;
const bytesPerMiB = 2 ** 20;

/** Anneal without a budget, and within parts of what its plain step took, in turn. */
export async function measurePlanner(
  scope: BenchScope,
  workload: Workload,
  order: CommonOrder,
  plainPeaks: readonly PeakMemory[],
): Promise<PlannedMemory> {
  const ready = median(plainPeaks.map((peak) => peak.ready));
  const above = median(plainPeaks.map(aboveReady));
  const budgets = shares.map((share) => {
    const budgetMiB = ready + share * above;
    return { share, budgetMiB, name: `Anneal, ${budgetName(share)}`, budgetBytes: Math.floor(budgetMiB * bytesPerMiB) };
  });
  const specs = budgetSpecs(budgets);
  const { results: started, notes } = await forEachSubject(scope, workload, specs, async (spec) => {
    const launched = await launch(scope, spec, order);
    return { ...launched, ...(await takeFirstSteps(launched)) };
  });
  checkEqualWork(workload, started);
  const { numSteps } = workload;
  const rounds = await interleave(
    scope.rounds(5, 1),
    Object.fromEntries(started.map(({ spec, process }) => [spec.name, () => process.step(numSteps)])),
  );
  const planned = started.map(({ spec, ready, baseMiB, peak, process }): PlannedRun => {
    const budget = budgets.find(({ name }) => name === spec.name);
    const whole = peakMemoryMiB(process.pid);
    return {
      share: budget?.share ?? null,
      budgetMiB: budget?.budgetMiB ?? null,
      decision: ready.memory ?? null,
      peak: { ...peak, step: whole - baseMiB, process: Math.max(whole, peak.process) },
      msPerStep: rounds.map((round) => round[spec.name]!.elapsedMs / numSteps),
    };
  });
  for (const { process } of started) await process.close();
  return { workload, planned, notes };
}

/** `budget 1/4`. */
export function budgetName(share: number): string {
  return share === 1 ? "budget 1" : `budget 1/${1 / share}`;
}
