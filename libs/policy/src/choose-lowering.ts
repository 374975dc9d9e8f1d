import type { Lowering, LoweringDecision, StepExecution } from "@anneal/contracts";

/** A training whose way to run steps may be found by a trial. */
export interface LoweringTrial {
  readonly numSteps: number;
  /** Steps that one call may make at most: full batches in a row, with no checkpoint between them. */
  readonly maxStepsPerCall: number;
}

/** What the plain step, one a call, was found to take. */
export interface PlainStep {
  readonly milliseconds: number;
  /** From the traced step to the first time that it has run. */
  readonly openMilliseconds: number;
}

/** Compiling with XLA takes seconds, half a minute for long graphs: a twentieth of this. */
const shortestForXlaMs = 600_000;
/** Several steps a call spare each a share of what a call costs, tens of microseconds: of longer steps that is nothing. */
const shortestForGroupsMs = 20_000;
const longestGroupedStepMs = 5;
/** Whoever wants to stop, or a checkpoint that is due, waits for the call to end. */
const longestCallMs = 10;
/** Share of the training that trying several steps a call may take: each is compiled for the trial, and one of them once more. */
const largestTrialShare = 0.05;
const groupSizes = [2, 4, 8, 16, 32];
const numTriedGroups = 2;

/** Below this the difference may be the machine's. XLA also rounds otherwise; several steps a call have the same bits. */
const leastGain: Readonly<Record<Lowering, number>> = { xla: 0.05, graph: 0.03 };

/** The ways to run steps that are worth a trial beside the plain one; none for a short training. */
export function executionsWorthTrying(
  { numSteps, maxStepsPerCall }: LoweringTrial,
  { milliseconds, openMilliseconds }: PlainStep,
): readonly StepExecution[] {
  const aheadMs = milliseconds * numSteps;
  const groups = groupSizes.filter(
    (size) =>
      size <= maxStepsPerCall &&
      size * milliseconds <= longestCallMs &&
      2 * size * openMilliseconds <= largestTrialShare * aheadMs,
  );
  const triesGroups = aheadMs >= shortestForGroupsMs && milliseconds < longestGroupedStepMs;
  return [
    ...(triesGroups ? groups.slice(-numTriedGroups) : []).map((stepsPerCall) => ({
      lowering: "graph" as const,
      stepsPerCall,
    })),
    ...(aheadMs >= shortestForXlaMs ? [{ lowering: "xla" as const, stepsPerCall: 1 }] : []),
  ];
}

/** The fastest of the measured candidates; the first of them unless another is clearly faster. */
export function chooseLowering(candidates: LoweringDecision["candidates"]): LoweringDecision {
  const [first, ...others] = candidates;
  if (first === undefined) throw new RangeError("nothing was measured");
  const best = others
    .filter(({ lowering, milliseconds }) => 1 - milliseconds / first.milliseconds > leastGain[lowering])
    .reduce((least, next) => (next.milliseconds < least.milliseconds ? next : least), first);
  const shown = candidates.map((candidate) => `${describe(candidate)} ${candidate.milliseconds.toPrecision(3)} ms`);
  const { lowering, stepsPerCall = 1 } = best;
  const why = `${best === first ? "nothing is clearly faster:" : "fastest of"} ${shown.join(", ")} a step`;
  return { lowering, stepsPerCall, candidates, why };
}

function describe({ lowering, stepsPerCall = 1 }: StepExecution): string {
  return stepsPerCall === 1 ? lowering : `${lowering} x${stepsPerCall}`;
}
