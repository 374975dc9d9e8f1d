import type { MemoryDecision, MemoryRung, RunSpec, StepExecution, TrainingPlan } from "@anneal/contracts";
import { isSameRung, type LoweringTrial } from "@anneal/policy";
import type { BatchSizes } from "../engine/step-engine.ts";
import type { Setup } from "./setup.ts";

/** Where memory became short, one step a call: the same bits, and fewer batches are held. */
export function stepsPerCallOn(rung: MemoryRung, planned: MemoryDecision, execution: StepExecution | null): number {
  return isSameRung(rung, planned.rung) ? (execution?.stepsPerCall ?? 1) : 1;
}

/** Sizes of the batches of a training: full ones, and the last one of each pass. */
export function batchSizesOf({
  batchSize,
  numTrainSamples,
  numValidationSamples,
}: TrainingPlan | Setup["plan"]): BatchSizes {
  const sizes = (numSamples: number): readonly number[] => {
    const last = numSamples % batchSize;
    return [...(numSamples >= batchSize ? [batchSize] : []), ...(last > 0 ? [last] : [])];
  };
  return { train: [...new Set([batchSize, ...sizes(numTrainSamples)])], evaluate: sizes(numValidationSamples) };
}

/** How long a trial of lowerings may be, and how many steps one call may make. */
export function trialOf(
  { checkpoint, segment, policy }: RunSpec,
  { totalSteps, numTrainSamples, batchSize }: Setup["plan"],
): LoweringTrial {
  // A budget was planned for one step a call: a group has more nodes, and more batches ahead.
  if (policy.memory.budget !== undefined) return { numSteps: totalSteps, maxStepsPerCall: 1 };
  const numFullBatches = Math.floor(numTrainSamples / batchSize);
  const limits = [numFullBatches, checkpoint.everySteps ?? numFullBatches, segment.maxSteps ?? numFullBatches];
  return { numSteps: totalSteps, maxStepsPerCall: Math.min(...limits) };
}
