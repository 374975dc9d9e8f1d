import { attributeTimings, compileProgram, preservingPasses, summarizeParts } from "@anneal/compiler";
import type { StepExplanation } from "@anneal/contracts";
import { type FieldSpec, numElements } from "@anneal/data";
import { type FeedValues, GraphSession, type TensorflowBackend } from "@anneal/runtime";
import { scalarsOf } from "../optimizers/compiled-optimizer.ts";
import { numParametersOf } from "./recipe-step.ts";
import { batchEntry, loadEntry, type TraceContext } from "./step-program.ts";

/** Steps before the measured ones: the first calls of a session optimize and allocate. */
const numWarmUps = 3;
const numTimed = 7;
const numTraced = 5;

/** Compiles the step anew, in a session of its own with these values, and measures it. */
export function explainStep(
  context: TraceContext & { readonly backend: TensorflowBackend },
  values: readonly FeedValues[],
): StepExplanation {
  const { step, state, backend, numSamples } = context;
  const start = performance.now();
  const train = batchEntry.train(context);
  const entries = { train, load: loadEntry(state) };
  const { graph, passes, graphDef } = compileProgram({ train }, preservingPasses);
  const compileMilliseconds = performance.now() - start;
  const program = compileProgram(entries, preservingPasses);
  const session = new GraphSession(backend, program.savedModel);
  try {
    session.bind(program.signatures.load)(values);
    const batch = [
      ...[step.options.inputs, step.options.labels].map((field, index) => madeUp(field, numSamples, index === 0)),
      Int32Array.of(0),
      scalarsOf(step.options.optimizer, 1e-4, 1),
    ];
    const run = session.bind(program.signatures.train);
    for (let index = 0; index < numWarmUps; index++) run(batch);
    const times = Array.from({ length: numTimed }, () => {
      const before = performance.now();
      run(batch);
      return performance.now() - before;
    });
    const runTraced = session.bindTraced(program.signatures.train);
    runTraced(batch);
    const traced = Array.from({ length: numTraced }, () => runTraced(batch));
    const variables = step.variables.map(({ name }) => name);
    const nodes = attributeTimings(traced, variables);
    return {
      batchSize: numSamples,
      numParameters: numParametersOf(step),
      compileMilliseconds,
      stepMilliseconds: times.sort((a, b) => a - b)[Math.floor(numTimed / 2)]!,
      passes,
      parts: summarizeParts(graph, nodes, variables),
      nodes,
      graphDef,
    };
  } finally {
    session.dispose();
  }
}

/** Numbers between 0 and 1 for inputs, zeros for whole numbers: classes and words that every model knows. */
function madeUp({ shape, dtype }: FieldSpec, numSamples: number, isInput: boolean): FeedValues {
  const size = numSamples * numElements(shape);
  if (dtype === "int32") return new Int32Array(size);
  if (dtype === "uint8") return Uint8Array.from({ length: size }, (_, index) => (index * 73) % 256);
  // Multiples of the golden ratio: spread evenly, the same each time.
  return isInput ? Float32Array.from({ length: size }, (_, index) => (index * 0.618_034) % 1) : new Float32Array(size);
}
