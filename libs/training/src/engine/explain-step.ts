import {
  attributeTimings,
  compileProgram,
  explainMemory,
  type Pass,
  predictProgram,
  summarizeParts,
} from "@anneal/compiler";
import type { StepExplanation } from "@anneal/contracts";
import { type MeasureContext, openMeasuredStep, stepEntries } from "./measure-step.ts";
import { numParametersOf } from "./recipe-step.ts";

/** Steps before the measured ones: the first calls of a session optimize and allocate. */
const numWarmUps = 3;
const numTimed = 7;
const numTraced = 5;

/** Compiles the step anew, in a session of its own, and measures it. */
export function explainStep(trace: () => MeasureContext, pipeline: readonly Pass[]): StepExplanation {
  const start = performance.now();
  const context = trace();
  const { step } = context;
  const entries = stepEntries(context);
  const { graph, passes, graphDef } = compileProgram(entries, pipeline);
  const compileMilliseconds = performance.now() - start;
  using measured = openMeasuredStep(context, {}, pipeline);
  repeat(numWarmUps, measured.time);
  const times = repeat(numTimed, measured.time).sort((a, b) => a - b);
  measured.trace();
  const traced = repeat(numTraced, measured.trace);
  const variables = step.variables.map(({ name }) => name);
  const nodes = attributeTimings(traced, variables);
  return {
    batchSize: step.options.batchSize,
    numParameters: numParametersOf(step),
    compileMilliseconds,
    stepMilliseconds: times[Math.floor(numTimed / 2)]!,
    passes,
    memory: explainMemory(predictProgram(entries, pipeline, { numThreads: numInterOpThreads() }), variables),
    parts: summarizeParts(graph, nodes, variables),
    nodes,
    graphDef,
  };
}

/** As TensorFlow was told when this process was started. */
function numInterOpThreads(): number {
  return Number(process.env.TF_NUM_INTEROP_THREADS ?? 2);
}

function repeat<T>(count: number, run: () => T): T[] {
  return Array.from({ length: count }, () => run());
}
