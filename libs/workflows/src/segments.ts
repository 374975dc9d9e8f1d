import type { Corrections, MemoryRung, RunSpec, TrainingPlan } from "@anneal/contracts";
import { plainRung, rungInWords } from "@anneal/policy";

/** Steps completed when the segment that starts after `step` ends: the epoch's end, or earlier by the spec's limit. */
export function nextSegmentEnd(step: number, plan: TrainingPlan, spec: RunSpec): number {
  const epochEnd = (Math.floor(step / plan.stepsPerEpoch) + 1) * plan.stepsPerEpoch;
  const limit = spec.segment.maxSteps === undefined ? epochEnd : step + spec.segment.maxSteps;
  return Math.min(epochEnd, limit, plan.totalSteps);
}

/** One line for the UI, e.g. `steps 469-938, epoch 2/3`: steps completed before and after. */
export function segmentSummary(
  step: number,
  untilStep: number,
  plan: TrainingPlan,
  corrections: Corrections | null = null,
  memory: readonly string[] = [],
): string {
  const epoch = Math.floor(step / plan.stepsPerEpoch) + 1;
  const facts = [
    `steps ${step}-${untilStep}`,
    `epoch ${epoch}/${plan.epochs}`,
    ...correctionsInWords(corrections),
    ...memory,
  ];
  return facts.join(", ");
}

/** Temporal keeps summaries short. */
const maxWhyLength = 160;

/** What a segment does to take less memory, and why where it is the first to do so; nothing on the plain rung. */
export function memoryInWords({ policy }: RunSpec, rung: MemoryRung, why: string | null): readonly string[] {
  const words = rungInWords(rung, plainRung(policy.memory));
  if (words.length === 0) return [];
  if (why === null) return words;
  const short = why.length > maxWhyLength ? `${why.slice(0, maxWhyLength)}…` : why;
  return [...words.slice(0, -1), `${words.at(-1)} (${short})`];
}

/** What the corrections are, one phrase each. Steps are counted from 1, as in errors. */
export function correctionsInWords(corrections: Corrections | null): readonly string[] {
  if (corrections === null) return [];
  const { skippedSteps, learningRateScale } = corrections;
  return [
    ...(skippedSteps.length > 0
      ? [`without the batches of steps ${skippedSteps.map((step) => step + 1).join(" ")}`]
      : []),
    ...(learningRateScale === 1 ? [] : [`learning rate x ${learningRateScale}`]),
  ];
}
