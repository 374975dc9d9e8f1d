import type { NamedTensor } from "@anneal/checkpoint";
import type { StepExecution, StepExplanation } from "@anneal/contracts";
import { numElements, type TypedArray } from "@anneal/data";
import type { TracedFunction } from "@anneal/export";
import type { LoweringTrial } from "@anneal/policy";
import { type FeedValues, installSeededRandom, type SeededRandom, type Tfjs } from "@anneal/runtime";
import { recordingOf } from "../ledger/recording.ts";
import { addBatch, emptyAccumulator } from "../loop/bookkeeping.ts";
import { slotsOf } from "../optimizers/eager-optimizer.ts";
import { decideLowering } from "./decide-lowering.ts";
import { explainStep } from "./explain-step.ts";
import { guardEngine } from "./failures.ts";
import { type GivenOutputs, judgeOutputs } from "./judge-outputs.ts";
import { passesOf } from "./passes-of.ts";
import { buildRecipeStep, notFinite, numParametersOf, type RecipeStep, toSums, toTrained } from "./recipe-step.ts";
import {
  clearCall,
  hasShadow,
  isParted,
  mayGroup,
  partedCalls,
  partSizes,
  readingCalls,
  trainCall,
  trainKinds,
} from "./step-calls.ts";
import {
  type Batch,
  type BatchSums,
  type EngineOptions,
  type EngineState,
  type PreparedEngine,
  type RecordedSteps,
  type StepEngine,
  type StepScalars,
  scalesLoss,
  type TrainedSums,
} from "./step-engine.ts";
import { StepGraph } from "./step-graph.ts";
import { callOf } from "./step-program/entries.ts";
import type { StepState } from "./step-program/state.ts";
import { type TracedRandom, tracedKey } from "./step-program/trace-step.ts";
import { copyTensors, copyValues, matchTensors } from "./tensor-copies.ts";
import { tracePredict } from "./trace-predict.ts";
import { modelTargets } from "./variables.ts";

/** Runs a step, or several, as one call of one TensorFlow graph, traced from the recipe and compiled. */
export class CompiledEngine implements StepEngine {
  readonly name = "compiled";
  readonly #tf: Tfjs;
  #prepared: Prepared | null = null;

  /** @param tf TensorFlow.js with its backend loaded (`loadTensorflow`) */
  constructor(tf: Tfjs) {
    this.#tf = tf;
  }

  prepare(options: EngineOptions): PreparedEngine {
    this.dispose();
    const traced: TracedRandom = { step: null };
    const random = installSeededRandom(this.#tf, { seed: options.seed, makeKey: tracedKey(this.#tf, traced) });
    random.beginInit();
    const step = buildRecipeStep(options);
    const graph = new StepGraph({ tf: this.#tf, step, random, traced });
    this.#prepared = { step, graph, random, numUpdates: 0, isSumming: false };
    const facts = { numParameters: numParametersOf(step), scalesLoss: scalesLoss(options) };
    const values = initialValues(step, graph.state);
    releaseData(this.#tf, step);
    const asked = askedOf(options);
    if ("lowering" in asked) {
      const kept = graph.openKept(asked.lowering, values);
      if (kept !== null) return { ...facts, ...kept, lowering: { ...asked, why: "as recorded", candidates: [] } };
    }
    const { outputShape } = graph.fit();
    const { train, evaluate } = options.batchSizes ?? { train: [options.batchSize], evaluate: [options.batchSize] };
    graph.trace([
      ...train.flatMap((numSamples) => trainKinds(options, numSamples)),
      ...evaluate.flatMap((numSamples) => partSizes(options, numSamples)).map(callOf.evaluate),
      ...(hasShadow(options) ? partSizes(options, options.batchSize).map(callOf.shadow) : []),
    ]);
    const lowering = guardEngine("choosing a lowering", () => decideLowering(asked, graph.measureContext(values)));
    const { stepsPerCall = 1 } = lowering;
    if (stepsPerCall > 1) graph.trace(trainKinds(options, options.batchSize, stepsPerCall));
    const graphDigest = graph.open(passesOf(step, lowering.lowering), values);
    return { ...facts, outputShape, graphDigest, lowering };
  }

  trainBatch(batch: Batch, scalars: StepScalars): TrainedSums {
    return this.trainBatches([batch], [scalars])[0]!;
  }

  trainBatches(batches: readonly Batch[], scalars: readonly StepScalars[]): readonly TrainedSums[] {
    const prepared = this.#ready();
    const { options } = prepared.step;
    prepared.graph.keep();
    if (isParted(options)) return batches.map((batch, index) => this.#trainParts(prepared, batch, scalars[index]!));
    if (mayGroup(options)) return this.#trainTogether(prepared, batches, scalars);
    return batches.flatMap((batch, index) => this.#trainTogether(prepared, [batch], [scalars[index]!]));
  }

  /** One call, one step for each batch. */
  #trainTogether(prepared: Prepared, batches: readonly Batch[], scalars: readonly StepScalars[]) {
    const { step, graph } = prepared;
    const { call, feeds } = trainCall(step.options, batches, scalars, prepared.numUpdates);
    const [run] = graph.functions([call]);
    const [reports, scales] = guardEngine("a step", () => run!(feeds));
    const width = reports!.length / batches.length;
    return batches.map(({ numSamples }, index) => {
      const sums = toSums(step, reports!.subarray(index * width, (index + 1) * width), numSamples);
      return counted(prepared, toTrained(sums, scales![index]!, scalars[index]!));
    });
  }

  /** A step as one call for each part of the batch, and one that updates. */
  #trainParts(prepared: Prepared, batch: Batch, scalars: StepScalars): TrainedSums {
    const { step, graph } = prepared;
    const { parts, apply } = partedCalls(step.options, batch, scalars, prepared.numUpdates);
    // All before the first: a call that is new moves to another session, and what was summed would stay behind.
    const functions = graph.functions([...parts, apply, clearCall].map(({ call }) => call));
    const [update, clear] = functions.slice(parts.length);
    if (prepared.isSumming) guardEngine("a step", () => clear!(clearCall.feeds));
    prepared.isSumming = true;
    const sums = parts.map(({ feeds, numSamples }, index) => {
      const [report] = guardEngine("a step", () => functions[index]!(feeds));
      const part = toSums(step, report!, numSamples);
      const loss = part.sums.loss! / numSamples;
      if (!Number.isFinite(loss)) throw notFinite(loss, scalars.step);
      return part;
    });
    const [scale] = guardEngine("a step", () => update!(apply.feeds));
    prepared.isSumming = false;
    return counted(prepared, toTrained(sums.reduce(addBatch, emptyAccumulator), scale![0]!, scalars));
  }

  recordBatches(batches: readonly Batch[], scalars: readonly StepScalars[]): RecordedSteps {
    const { graph, step } = this.#ready();
    const { precision = "float32" } = step.options;
    const { result: sums, calls } = graph.recorder.record(() => this.trainBatches(batches, scalars));
    const asked = { precision, layerPrecision: step.layerPrecision };
    return { sums, recording: recordingOf(calls, graph.variables(), asked) };
  }

  float32Loss(batch: Batch, step: number): number | null {
    const { graph, step: recipeStep } = this.#ready();
    const parts = readingCalls("shadow", recipeStep.options, batch, step);
    const functions = graph.knownFunctions(parts.map(({ call }) => call));
    if (functions === null) return null;
    const losses = parts.map(({ feeds, numSamples }, index) => {
      const [loss] = guardEngine("a loss in float32", () => functions[index]!(feeds));
      return loss![0]! * numSamples;
    });
    return losses.reduce((sum, loss) => sum + loss, 0) / batch.numSamples;
  }

  evaluateBatch(batch: Batch, step: number): BatchSums {
    const prepared = this.#ready();
    const parts = readingCalls("evaluate", prepared.step.options, batch, step);
    const functions = prepared.graph.functions(parts.map(({ call }) => call));
    const sums = parts.map(({ feeds, numSamples }, index) => {
      const [report] = guardEngine("a step", () => functions[index]!(feeds));
      return toSums(prepared.step, report!, numSamples);
    });
    return sums.reduce(addBatch, emptyAccumulator);
  }

  predictBatch(inputs: TypedArray, numSamples: number): Float32Array {
    const [run] = this.#ready().graph.functions([callOf.predict(numSamples)]);
    return guardEngine("a prediction", () => run!([inputs as FeedValues])[0] as Float32Array);
  }

  tracePredict(numSamples: number): TracedFunction {
    const { step, random } = this.#ready();
    return guardEngine("a trace", () => tracePredict(this.#tf, step, random, numSamples));
  }

  judgeOutputs(given: GivenOutputs): BatchSums {
    const { step } = this.#ready();
    return guardEngine("metrics", () => judgeOutputs(this.#tf, step, given));
  }

  readState(): EngineState {
    const { graph, step, numUpdates } = this.#ready();
    const values = graph.read();
    const { model, optimizer } = expected(graph.state);
    const copies = (tensors: typeof model, from: number): readonly NamedTensor[] =>
      copyValues(tensors.map((tensor, index) => ({ ...tensor, values: values[from + index]! })));
    return {
      model: copies(model, 0),
      optimizer: copies(optimizer, model.length),
      optimizerScalars: slotsOf(step.options.optimizer).length > 0 ? { t: numUpdates } : {},
    };
  }

  loadState({ model, optimizer, optimizerScalars }: EngineState): void {
    const prepared = this.#ready();
    const names = expected(prepared.graph.state);
    const values = [
      ...matchTensors(names.model, model, "model"),
      ...matchTensors(names.optimizer, optimizer, "optimizer"),
    ];
    prepared.graph.load(values.map(({ data }) => data as FeedValues));
    prepared.numUpdates = optimizerScalars.t ?? 0;
    prepared.isSumming = false;
  }

  explain(): StepExplanation {
    const { graph, step } = this.#ready();
    return guardEngine("an explanation", () => {
      const values = graph.read();
      const trace = () => {
        graph.trace(trainKinds(step.options, step.options.batchSize));
        return graph.measureContext(values);
      };
      return explainStep(trace, graph.passes);
    });
  }

  dispose(): void {
    const prepared = this.#prepared;
    if (prepared === null) return;
    this.#prepared = null;
    prepared.graph.dispose();
    prepared.random.uninstall();
    for (const { variable } of prepared.step.variables) if (!variable.isDisposed) variable.dispose();
  }

  #ready(): Prepared {
    if (this.#prepared === null) throw new Error("the engine was not prepared");
    return this.#prepared;
  }
}

interface Prepared {
  readonly step: RecipeStep;
  readonly graph: StepGraph;
  readonly random: SeededRandom;
  /** What the optimizer counts: steps that were skipped are not among them. */
  numUpdates: number;
  /** Gradients of a step were summed, and not all of its calls have come to their end. */
  isSumming: boolean;
}

function counted(prepared: Prepared, trained: TrainedSums): TrainedSums {
  if (!trained.isSkipped) prepared.numUpdates += 1;
  return trained;
}

function askedOf(options: EngineOptions): StepExecution | LoweringTrial {
  const { lowering = "graph", stepsPerCall = 1 } = options;
  if (typeof lowering === "string") return { lowering, stepsPerCall: mayGroup(options) ? stepsPerCall : 1 };
  return mayGroup(options) ? lowering : { ...lowering, maxStepsPerCall: 1 };
}

/** From here on the session has the variables' values: TensorFlow.js's own would lie there as long as the engine lives. */
function releaseData(tf: Tfjs, { variables }: RecipeStep): void {
  const backend = tf.backend();
  for (const { variable } of variables) backend.disposeData(variable.dataId);
}

function initialValues(step: RecipeStep, state: StepState): readonly FeedValues[] {
  const { initialWeights } = step.options;
  const model = initialWeights
    ? matchTensors(expected(state).model, initialWeights, "model")
    : copyTensors(modelTargets(step.variables));
  const slots = state.optimizer.map(({ type: { shape } }) => new Float32Array(numElements(shape)));
  return [...model.map(({ data }) => data as FeedValues), ...slots];
}

function expected({ model, optimizer }: StepState) {
  const describe = (variables: StepState["model"]) =>
    variables.map(({ name, type: { dtype, shape } }) => ({ name, dtype, shape }));
  return { model: describe(model), optimizer: describe(optimizer) };
}
