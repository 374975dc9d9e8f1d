import type { LoweringDecision } from "@anneal/contracts";

/** Compiling with XLA takes seconds, half a minute for long graphs: a twentieth of this. */
const shortestTrainingMs = 600_000;
/** Below this the difference may be the machine's. */
const leastGain = 0.05;

/** Whether a training is long enough that trying another lowering before step 1 costs next to nothing. */
export function isWorthMeasuring(stepMilliseconds: number, numSteps: number): boolean {
  return stepMilliseconds * numSteps >= shortestTrainingMs;
}

/** The fastest of the measured candidates; the first of them unless another is clearly faster. */
export function chooseLowering(candidates: LoweringDecision["candidates"]): LoweringDecision {
  const [first, ...others] = candidates;
  if (first === undefined) throw new RangeError("nothing was measured");
  const best = others.reduce((least, next) => (next.milliseconds < least.milliseconds ? next : least), first);
  const gain = 1 - best.milliseconds / first.milliseconds;
  const shown = candidates
    .map(({ lowering, milliseconds }) => `${lowering} ${milliseconds.toPrecision(3)} ms`)
    .join(", ");
  return gain > leastGain
    ? { lowering: best.lowering, candidates, why: `fastest of ${shown} a step` }
    : { lowering: first.lowering, candidates, why: `nothing is clearly faster: ${shown} a step` };
}
