import { compileProgram, type Entry, type Pass } from "@anneal/compiler";
import type { StepExecution } from "@anneal/contracts";
import { type FieldSpec, numElements } from "@anneal/data";
import { type FeedValues, GraphSession, type NodeTiming, type TensorflowBackend } from "@anneal/runtime";
import type { RecipeStep } from "./recipe-step.ts";
import { clearCall, isParted, partedCalls, type StepCall, trainCall, trainKinds } from "./step-calls.ts";
import type { Batch } from "./step-engine.ts";
import { type Call, keyOf } from "./step-program/entries.ts";
import { loadEntry, type StepState } from "./step-program/state.ts";

/** Steps in a session of their own, on a batch that is made up: what they do to the weights is of no interest. */
export interface MeasuredStep extends Disposable {
  /** Time of one call, or of all that a step in parts takes, in milliseconds. The first of a session also optimizes the graph. */
  readonly time: () => number;
  readonly trace: () => readonly NodeTiming[];
}

export interface MeasureContext {
  readonly step: RecipeStep;
  readonly state: StepState;
  readonly entry: (call: Call) => Entry;
  readonly backend: TensorflowBackend;
  /** Of the variables, model first. */
  readonly values: readonly FeedValues[];
}

/** What so many steps of a full batch are made of. */
export function stepEntries({ step, entry }: MeasureContext, stepsPerCall = 1): Readonly<Record<string, Entry>> {
  const { options } = step;
  const kinds = trainKinds(options, options.batchSize, stepsPerCall);
  return Object.fromEntries(kinds.map((call) => [keyOf(call), entry(call)]));
}

/** Opens steps for measuring, so many a call, compiled with these passes. */
export function openMeasuredStep(
  context: MeasureContext,
  { stepsPerCall = 1 }: Pick<StepExecution, "stepsPerCall">,
  passes: readonly Pass[],
): MeasuredStep {
  const entries = { ...stepEntries(context, stepsPerCall), load: loadEntry(context.state) };
  const { savedModel, signatures } = compileProgram<string>(entries, passes);
  const session = new GraphSession(context.backend, savedModel);
  session.bind(signatures.load!)(context.values);
  const clear = signatures[keyOf(clearCall.call)];
  if (clear !== undefined) session.bind(clear)(clearCall.feeds);
  const calls = madeUpCalls(context.step, stepsPerCall);
  const run = calls.map(({ call }) => session.bind(signatures[keyOf(call)]!));
  const runTraced = calls.map(({ call }) => session.bindTraced(signatures[keyOf(call)]!));
  return {
    time() {
      const start = performance.now();
      for (const [index, { feeds }] of calls.entries()) run[index]!(feeds);
      return performance.now() - start;
    },
    trace: () => calls.flatMap(({ feeds }, index) => runTraced[index]!(feeds).nodes),
    [Symbol.dispose]: () => session.dispose(),
  };
}

function madeUpCalls({ options }: RecipeStep, stepsPerCall: number): readonly StepCall[] {
  const { batchSize, inputs, labels } = options;
  const batch: Batch = {
    numSamples: batchSize,
    inputs: madeUp(inputs, batchSize, true),
    labels: madeUp(labels, batchSize, false),
  };
  const scalars = { step: 0, learningRate: 1e-4 };
  if (!isParted(options))
    return [trainCall(options, Array(stepsPerCall).fill(batch), Array(stepsPerCall).fill(scalars), 0)];
  const { parts, apply } = partedCalls(options, batch, scalars, 0);
  return [...parts, apply];
}

/** Numbers between 0 and 1 for inputs, zeros for whole numbers: classes and words that every model knows. */
function madeUp({ shape, dtype }: FieldSpec, numSamples: number, isInput: boolean): FeedValues {
  const size = numSamples * numElements(shape);
  if (dtype === "int32") return new Int32Array(size);
  if (dtype === "uint8") return Uint8Array.from({ length: size }, (_, index) => (index * 73) % 256);
  // Multiples of the golden ratio: spread evenly, the same each time.
  return isInput ? Float32Array.from({ length: size }, (_, index) => (index * 0.618_034) % 1) : new Float32Array(size);
}
