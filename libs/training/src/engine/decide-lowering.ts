import { pipelineOf } from "@anneal/compiler";
import { type Lowering, type LoweringDecision, lowerings } from "@anneal/contracts";
import { chooseLowering, isWorthMeasuring } from "@anneal/policy";
import { type MeasureContext, openMeasuredStep } from "./measure-step.ts";

const numWarmUps = 2;
const numRounds = 5;
const longestStepMs = 1_000;

/** How the step is to run: as asked for, or the fastest where a training of so many steps is worth a trial. */
export function decideLowering(
  asked: Lowering | { readonly numSteps: number },
  context: MeasureContext,
): LoweringDecision {
  if (typeof asked === "string") return { lowering: asked, why: "asked for", candidates: [] };
  const tooShort = { lowering: "graph", why: "the training is too short for a trial", candidates: [] } as const;
  // Not even with a step as long as people wait for one.
  if (!isWorthMeasuring(longestStepMs, asked.numSteps)) return tooShort;
  using plain = openMeasuredStep(context, pipelineOf("graph"));
  // With everything that a first call does beside the step: no training takes longer than this says.
  const longest = plain.time();
  if (!isWorthMeasuring(longest, asked.numSteps) || !isWorthMeasuring(plain.time(), asked.numSteps)) {
    return tooShort;
  }
  return measureAll(context);
}

/** In turns, so that whatever else the machine does meets all alike; the fastest step of each. */
function measureAll(context: MeasureContext): LoweringDecision {
  using opened = new DisposableStack();
  const steps = lowerings.map((lowering) => {
    const step = opened.use(openMeasuredStep(context, pipelineOf(lowering)));
    for (let index = 0; index < numWarmUps; index++) step.time();
    return { lowering, step, times: [] as number[] };
  });
  for (let round = 0; round < numRounds; round++) for (const { step, times } of steps) times.push(step.time());
  return chooseLowering(steps.map(({ lowering, times }) => ({ lowering, milliseconds: Math.min(...times) })));
}
