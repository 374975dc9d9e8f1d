import type { LoweringDecision, StepExecution } from "@anneal/contracts";
import { chooseLowering, executionsWorthTrying, type LoweringTrial } from "@anneal/policy";
import { type MeasureContext, type MeasuredStep, openMeasuredStep } from "./measure-step.ts";
import { passesOf } from "./passes-of.ts";

const numWarmUps = 2;
const numRounds = 5;
/** Where steps are short, rounds go on for so long: the shorter a step, the more of its time may be the machine's. */
const shortestTrialMs = 250;
/** So long as people wait for a step at all. */
const longestStepMs = 1_000;
/** A first call does much beside the step, and the second may too; of steps longer than this that is little. */
const shortStepMs = 20;

const plainExecution = { lowering: "graph", stepsPerCall: 1 } as const;

/** How steps are to run: as asked for, or the fastest way where the training is worth a trial. */
export function decideLowering(asked: StepExecution | LoweringTrial, context: MeasureContext): LoweringDecision {
  if ("lowering" in asked) return { ...asked, why: "asked for", candidates: [] };
  const tooShort = { ...plainExecution, why: "the training is too short for a trial", candidates: [] };
  if (executionsWorthTrying(asked, { milliseconds: longestStepMs, openMilliseconds: 0 }).length === 0) return tooShort;
  const start = performance.now();
  using plain = openMeasuredStep(context, plainExecution, passesOf(context.step, "graph"));
  plain.time();
  const openMilliseconds = performance.now() - start;
  const second = plain.time();
  const milliseconds = second > shortStepMs ? second : Math.min(...repeat(numRounds, plain.time));
  const others = executionsWorthTrying(asked, { milliseconds, openMilliseconds }).filter(
    // XLA computes nothing twice: whoever asks for that has too little memory for it.
    ({ lowering }) => lowering === "graph" || (context.step.options.recomputeSegments ?? 1) === 1,
  );
  return others.length === 0 ? tooShort : chooseLowering(measureAll(plain, others, context));
}

/** In turns of as many steps each, so that whatever else the machine does meets all alike; the fastest turn of each. */
function measureAll(
  plain: MeasuredStep,
  others: readonly StepExecution[],
  context: MeasureContext,
): LoweringDecision["candidates"] {
  using opened = new DisposableStack();
  const open = (execution: StepExecution): MeasuredStep =>
    opened.use(openMeasuredStep(context, execution, passesOf(context.step, execution.lowering)));
  const candidates: readonly { readonly execution: StepExecution; readonly step: MeasuredStep }[] = [
    { execution: plainExecution, step: plain },
    ...others.map((execution) => ({ execution, step: open(execution) })),
  ];
  const stepsPerTurn = Math.max(...others.map(({ stepsPerCall = 1 }) => stepsPerCall));
  const turns = candidates.map(({ execution, step }) => {
    const { stepsPerCall = 1 } = execution;
    const numCalls = stepsPerTurn / stepsPerCall;
    const time = () => repeat(numCalls, step.time).reduce((sum, next) => sum + next, 0) / stepsPerTurn;
    repeat(numWarmUps, step.time);
    return { execution, time, times: [] as number[] };
  });
  const start = performance.now();
  for (let round = 0; round < numRounds || performance.now() - start < shortestTrialMs; round++) {
    for (const { time, times } of turns) times.push(time());
  }
  return turns.map(({ execution, times }) => ({ ...execution, milliseconds: Math.min(...times) }));
}

function repeat<T>(count: number, run: () => T): T[] {
  return Array.from({ length: count }, run);
}
