import { createHash } from "node:crypto";
import type { NamedTensor } from "@anneal/checkpoint";
import { type CompiledProgram, compileProgram, type Entry, type Pass } from "@anneal/compiler";
import type { StepExecution, StepExplanation } from "@anneal/contracts";
import { numElements, type TypedArray } from "@anneal/data";
import type { LoweringTrial } from "@anneal/policy";
import {
  type FeedValues,
  freeUnusedMemory,
  GraphSession,
  installSeededRandom,
  type SeededRandom,
  type SessionFunction,
  type TensorflowBackend,
  type Tfjs,
} from "@anneal/runtime";
import { scalarsOf } from "../optimizers/compiled-optimizer.ts";
import { slotsOf } from "../optimizers/eager-optimizer.ts";
import { guardRecipe } from "../recipe/guard.ts";
import { decideLowering } from "./decide-lowering.ts";
import { explainStep } from "./explain-step.ts";
import { guardEngine } from "./failures.ts";
import { readGraph, type StoredGraph, writeGraph } from "./graph-store.ts";
import type { MeasureContext } from "./measure-step.ts";
import { passesOf } from "./passes-of.ts";
import { buildRecipeStep, checkBatch, checkFinite, numParametersOf, type RecipeStep, toSums } from "./recipe-step.ts";
import type {
  Batch,
  BatchSums,
  EngineOptions,
  EngineState,
  PreparedEngine,
  StepEngine,
  StepScalars,
} from "./step-engine.ts";
import {
  type BatchKind,
  batchEntry,
  loadEntry,
  readEntry,
  type StepState,
  stepStateOf,
  type TracedRandom,
  tracedKey,
  traceFit,
} from "./step-program.ts";
import { copyTensors, copyValues, matchTensors } from "./tensor-copies.ts";
import { refuse } from "./unsupported.ts";
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
    refuse(this.name, ["microBatches", "recomputeSegments"], options);
    const traced: TracedRandom = { step: null };
    const random = installSeededRandom(this.#tf, { seed: options.seed, makeKey: tracedKey(this.#tf, traced) });
    random.beginInit();
    const step = buildRecipeStep(options);
    const state = stepStateOf(step);
    const prepared: Prepared = {
      step,
      state,
      random,
      traced,
      entries: new Map(),
      passes: [],
      session: null,
      unsaved: null,
      numUpdates: 0,
    };
    this.#prepared = prepared;
    const initial = options.initialWeights
      ? matchTensors(expected(state).model, options.initialWeights, "model")
      : copyTensors(modelTargets(step.variables));
    const values = [...initial.map(({ data }) => data as FeedValues), ...zeroSlots(state)];
    const kept = this.#openKept(prepared, values);
    if (kept !== null) return { numParameters: numParametersOf(step), ...kept };
    const outputShape = guardRecipe("the model", options.recipePath, () => {
      const shape = traceFit(this.#context(prepared, options.batchSize, 1));
      const { train, evaluate } = options.batchSizes ?? { train: [options.batchSize], evaluate: [options.batchSize] };
      for (const numSamples of train) this.#trace(prepared, { kind: "train", numSamples, numSteps: 1 });
      for (const numSamples of evaluate) this.#trace(prepared, { kind: "evaluate", numSamples, numSteps: 1 });
      return shape;
    });
    const lowering = guardEngine("choosing a lowering", () =>
      decideLowering(askedOf(options), this.#measureContext(prepared, values)),
    );
    prepared.passes = passesOf(step, lowering.lowering);
    const { stepsPerCall = 1 } = lowering;
    if (stepsPerCall > 1) {
      this.#trace(prepared, { kind: "train", numSamples: options.batchSize, numSteps: stepsPerCall });
    }
    const graphDigest = trainDigest(prepared);
    const { savedModel, signatures } = this.#open(prepared, values);
    // A trace leaves several times the graph's size behind, hundreds of megabytes for a long recurrence.
    freeUnusedMemory();
    prepared.unsaved = {
      digest: graphDigest,
      graph: { savedModel, signatures, outputShape, variables: namesOf(state) },
    };
    return { numParameters: numParametersOf(step), outputShape, graphDigest, lowering };
  }

  trainBatch(batch: Batch, scalars: StepScalars): BatchSums {
    return this.trainBatches([batch], [scalars])[0]!;
  }

  trainBatches(batches: readonly Batch[], scalars: readonly StepScalars[]): readonly BatchSums[] {
    const prepared = this.#ready();
    this.#keepGraph(prepared);
    const { step } = prepared;
    const { numSamples } = batches[0]!;
    const feeds = batches.flatMap((batch, index): readonly FeedValues[] => {
      if (batch.numSamples !== numSamples) throw new RangeError("batches of one call must have one size");
      const { step: number, learningRate } = scalars[index]!;
      return [
        ...this.#feedsOf(prepared, batch, number),
        scalarsOf(step.options.optimizer, learningRate, prepared.numUpdates + index + 1),
      ];
    });
    const call = this.#call(prepared, { kind: "train", numSamples, numSteps: batches.length });
    const [reports, scales] = guardEngine("a step", () => call(feeds));
    const width = reports!.length / batches.length;
    return batches.map((_, index) => {
      const sums = toSums(step, reports!.subarray(index * width, (index + 1) * width), numSamples);
      checkFinite(sums, scales![index]!, scalars[index]!.step);
      prepared.numUpdates += 1;
      return sums;
    });
  }

  evaluateBatch(batch: Batch, step: number): BatchSums {
    const prepared = this.#ready();
    const { numSamples } = batch;
    const feeds = this.#feedsOf(prepared, batch, step);
    const call = this.#call(prepared, { kind: "evaluate", numSamples, numSteps: 1 });
    const [report] = guardEngine("a step", () => call(feeds));
    return toSums(prepared.step, report!, numSamples);
  }

  predictBatch(inputs: TypedArray, numSamples: number): Float32Array {
    const call = this.#call(this.#ready(), { kind: "predict", numSamples, numSteps: 1 });
    return guardEngine("a prediction", () => call([inputs as FeedValues])[0] as Float32Array);
  }

  readState(): EngineState {
    const { state, session, step, numUpdates } = this.#ready();
    const values = guardEngine("reading the state", () => session!.calls.get("read")!([]));
    const { model, optimizer } = expected(state);
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
    const names = expected(prepared.state);
    const values = [
      ...matchTensors(names.model, model, "model"),
      ...matchTensors(names.optimizer, optimizer, "optimizer"),
    ];
    guardEngine("loading the state", () =>
      prepared.session!.calls.get("load")!(values.map(({ data }) => data as FeedValues)),
    );
    prepared.numUpdates = optimizerScalars.t ?? 0;
  }

  explain(): StepExplanation {
    const prepared = this.#ready();
    return guardEngine("an explanation", () => {
      const values = prepared.session!.calls.get("read")!([]);
      const trace = () => {
        this.#trace(prepared, { kind: "train", numSamples: prepared.step.options.batchSize, numSteps: 1 });
        return this.#measureContext(prepared, values);
      };
      return explainStep(trace, prepared.passes);
    });
  }

  dispose(): void {
    const prepared = this.#prepared;
    if (prepared === null) return;
    this.#prepared = null;
    prepared.session?.session.dispose();
    prepared.random.uninstall();
    for (const { variable } of prepared.step.variables) if (!variable.isDisposed) variable.dispose();
  }

  /** What every labelled batch feeds: inputs, labels, the step. */
  #feedsOf({ step: { options } }: Prepared, { inputs, labels, numSamples }: Batch, step: number) {
    checkBatch(inputs, options.inputs, numSamples);
    checkBatch(labels, options.labels, numSamples);
    return [inputs as FeedValues, labels as FeedValues, Int32Array.of(step)];
  }

  /** The call for such batches. What is new is traced, and the state moved to a session that has it. */
  #call(prepared: Prepared, batches: BatchCall): SessionFunction {
    const key = keyOf(batches);
    const known = prepared.session?.calls.get(key);
    if (known !== undefined) return known;
    const { recipePath } = prepared.step.options;
    guardRecipe("the model", recipePath, () => this.#trace(prepared, batches));
    const values = guardEngine("reading the state", () => prepared.session!.calls.get("read")!([]));
    this.#open(prepared, values);
    return prepared.session!.calls.get(key)!;
  }

  /** Opens the graph that the run began with, if it is kept. */
  #openKept(prepared: Prepared, values: readonly FeedValues[]): Omit<PreparedEngine, "numParameters"> | null {
    const { graphs, lowering, stepsPerCall = 1 } = prepared.step.options;
    const recorded = graphs?.recorded ?? null;
    if (graphs === undefined || recorded === null || typeof lowering !== "string") return null;
    const kept = readGraph(graphs.directory, recorded);
    if (kept === null || kept.variables.join() !== namesOf(prepared.state).join()) return null;
    prepared.passes = passesOf(prepared.step, lowering);
    this.#load(prepared, kept, values);
    const decision = { lowering, stepsPerCall, why: "as recorded", candidates: [] };
    return { outputShape: kept.outputShape, graphDigest: recorded, lowering: decision };
  }

  /** Before the first step and no earlier: a run that cannot be prepared leaves nothing behind. */
  #keepGraph(prepared: Prepared): void {
    const { unsaved } = prepared;
    const { graphs } = prepared.step.options;
    if (unsaved === null || graphs === undefined) return;
    prepared.unsaved = null;
    try {
      writeGraph(graphs.directory, unsaved.digest, unsaved.graph);
    } catch {
      // Kept to save time, and against a compiler that changes meanwhile: no reason to end a training.
    }
  }

  /** Compiles all entries and opens a session with these values, in place of the one before. */
  #open(prepared: Prepared, values: readonly FeedValues[]): CompiledProgram<string> {
    for (const key of prepared.session?.calls.keys() ?? []) this.#traceAgain(prepared, key);
    const { state, entries } = prepared;
    const program = compileProgram(
      { ...Object.fromEntries(entries), load: loadEntry(state), read: readEntry(state) },
      prepared.passes,
    );
    this.#load(prepared, program, values);
    return program;
  }

  /** What a session that was kept can do is not known as graphs; a session in its place is to do it as well. */
  #traceAgain(prepared: Prepared, key: string): void {
    const batches = parseKey(key);
    if (batches !== null && !prepared.entries.has(key)) this.#trace(prepared, batches);
  }

  #load(
    prepared: Prepared,
    program: Pick<StoredGraph, "savedModel" | "signatures">,
    values: readonly FeedValues[],
  ): void {
    guardEngine("opening the graph", () => {
      const session = new GraphSession(this.#backend(), program.savedModel);
      const calls = new Map(
        Object.entries(program.signatures).map(([name, signature]) => [name, session.bind(signature)]),
      );
      calls.get("load")!(values);
      prepared.session?.session.dispose();
      prepared.session = { session, calls };
    });
  }

  #trace(prepared: Prepared, batches: BatchCall): void {
    prepared.entries.set(keyOf(batches), this.#entry(prepared, batches));
  }

  #entry(prepared: Prepared, { kind, numSamples, numSteps }: BatchCall): Entry {
    return batchEntry[kind](this.#context(prepared, numSamples, numSteps));
  }

  #measureContext(prepared: Prepared, values: readonly FeedValues[]): MeasureContext {
    const { step, state, entries } = prepared;
    const train = (numSteps: number): Entry => {
      const batches = { kind: "train", numSamples: step.options.batchSize, numSteps } as const;
      // A graph that was kept has not been traced by this process, nor has what is only tried.
      return entries.get(keyOf(batches)) ?? this.#entry(prepared, batches);
    };
    return { step, state, train, backend: this.#backend(), values };
  }

  #backend(): TensorflowBackend {
    return this.#tf.findBackend("tensorflow") as TensorflowBackend;
  }

  #context({ step, state, traced, random }: Prepared, numSamples: number, numSteps: number) {
    return { tf: this.#tf, step, state, traced, random, numSamples, numSteps };
  }

  #ready(): Prepared {
    if (this.#prepared === null) throw new Error("the engine was not prepared");
    return this.#prepared;
  }
}

/** What a call of the session takes: batches of one size, one for each step. */
interface BatchCall {
  readonly kind: BatchKind;
  readonly numSamples: number;
  readonly numSteps: number;
}

/** `train/128`; `train/128x8` for eight steps. */
function keyOf({ kind, numSamples, numSteps }: BatchCall): string {
  return numSteps === 1 ? `${kind}/${numSamples}` : `${kind}/${numSamples}x${numSteps}`;
}

/** Null for an entry that takes no batches. */
function parseKey(key: string): BatchCall | null {
  const [, kind, numSamples, numSteps = "1"] = /^(\w+)\/(\d+)(?:x(\d+))?$/.exec(key) ?? [];
  if (kind === undefined || !Object.hasOwn(batchEntry, kind)) return null;
  return { kind: kind as BatchKind, numSamples: Number(numSamples), numSteps: Number(numSteps) };
}

function askedOf({ lowering = "graph", stepsPerCall = 1 }: EngineOptions): StepExecution | LoweringTrial {
  return typeof lowering === "string" ? { lowering, stepsPerCall } : lowering;
}

interface Prepared {
  readonly step: RecipeStep;
  readonly state: StepState;
  readonly random: SeededRandom;
  readonly traced: TracedRandom;
  /** What calls do, by `keyOf`. */
  readonly entries: Map<string, Entry>;
  passes: readonly Pass[];
  /** Compiled by this process and not kept yet. */
  unsaved: { readonly digest: string; readonly graph: StoredGraph } | null;
  session: { readonly session: GraphSession; readonly calls: ReadonlyMap<string, SessionFunction> } | null;
  numUpdates: number;
}

function expected({ model, optimizer }: StepState) {
  const describe = (variables: StepState["model"]) =>
    variables.map(({ name, type: { dtype, shape } }) => ({ name, dtype, shape }));
  return { model: describe(model), optimizer: describe(optimizer) };
}

/** Of the graph of a full batch alone: which other sizes come has no influence on its bits. */
function trainDigest({ entries, passes, step }: Prepared): string {
  const { savedModel } = compileProgram({ train: entries.get(`train/${step.options.batchSize}`)! }, passes);
  return createHash("sha256").update(savedModel).digest("hex");
}

function namesOf({ model, optimizer }: StepState): readonly string[] {
  return [...model, ...optimizer].map(({ name }) => name);
}

function zeroSlots({ optimizer }: StepState): readonly FeedValues[] {
  return optimizer.map(({ type: { shape } }) => new Float32Array(numElements(shape)));
}
