import { compileProgram, type Entry, type Pass } from "@anneal/compiler";
import type { StepExecution } from "@anneal/contracts";
import { type FieldSpec, numElements } from "@anneal/data";
import { type FeedValues, GraphSession, type NodeTiming, type TensorflowBackend } from "@anneal/runtime";
import { scalarsOf } from "../optimizers/compiled-optimizer.ts";
import type { RecipeStep } from "./recipe-step.ts";
import { loadEntry, type StepState } from "./step-program.ts";

/** Steps in a session of their own, on a batch that is made up: what they do to the weights is of no interest. */
export interface MeasuredStep extends Disposable {
  /** Time of one call, in milliseconds. The first of a session also optimizes the graph. */
  readonly time: () => number;
  readonly trace: () => readonly NodeTiming[];
}

export interface MeasureContext {
  readonly step: RecipeStep;
  readonly state: StepState;
  /** So many steps in one call, on batches of the recipe's own size. */
  readonly train: (stepsPerCall: number) => Entry;
  readonly backend: TensorflowBackend;
  /** Of the variables, model first. */
  readonly values: readonly FeedValues[];
}

/** Opens steps for measuring, so many a call, compiled with these passes. */
export function openMeasuredStep(
  { step, state, train, backend, values }: MeasureContext,
  { stepsPerCall = 1 }: Pick<StepExecution, "stepsPerCall">,
  passes: readonly Pass[],
): MeasuredStep {
  const { options } = step;
  const { savedModel, signatures } = compileProgram({ train: train(stepsPerCall), load: loadEntry(state) }, passes);
  const session = new GraphSession(backend, savedModel);
  session.bind(signatures.load)(values);
  const batch = [
    madeUp(options.inputs, options.batchSize, true),
    madeUp(options.labels, options.batchSize, false),
    Int32Array.of(0),
    scalarsOf(options.optimizer, 1e-4, 1),
  ];
  const feeds = Array.from({ length: stepsPerCall }, () => batch).flat();
  const run = session.bind(signatures.train);
  const runTraced = session.bindTraced(signatures.train);
  return {
    time() {
      const start = performance.now();
      run(feeds);
      return performance.now() - start;
    },
    trace: () => runTraced(feeds).nodes,
    [Symbol.dispose]: () => session.dispose(),
  };
}

/** Numbers between 0 and 1 for inputs, zeros for whole numbers: classes and words that every model knows. */
function madeUp({ shape, dtype }: FieldSpec, numSamples: number, isInput: boolean): FeedValues {
  const size = numSamples * numElements(shape);
  if (dtype === "int32") return new Int32Array(size);
  if (dtype === "uint8") return Uint8Array.from({ length: size }, (_, index) => (index * 73) % 256);
  // Multiples of the golden ratio: spread evenly, the same each time.
  return isInput ? Float32Array.from({ length: size }, (_, index) => (index * 0.618_034) % 1) : new Float32Array(size);
}
