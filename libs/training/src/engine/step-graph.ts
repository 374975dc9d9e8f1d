import { createHash } from "node:crypto";
import { type CompiledProgram, compileProgram, type Entry, type Pass } from "@anneal/compiler";
import type { Lowering, TensorClass } from "@anneal/contracts";
import {
  type FeedValues,
  freeUnusedMemory,
  GraphSession,
  type SeededRandom,
  type SessionFunction,
  type TensorflowBackend,
  type Tfjs,
} from "@anneal/runtime";
import { CallRecorder } from "../ledger/call-recorder.ts";
import type { RecordedVariable } from "../ledger/recording.ts";
import { guardRecipe } from "../recipe/guard.ts";
import { guardEngine } from "./failures.ts";
import { readGraph, type StoredGraph, writeGraph } from "./graph-store.ts";
import type { MeasureContext } from "./measure-step.ts";
import { passesOf } from "./passes-of.ts";
import type { RecipeStep } from "./recipe-step.ts";
import { clearCall, isParted, trainKinds } from "./step-calls.ts";
import type { PreparedEngine } from "./step-engine.ts";
import { type Accumulation, accumulationOf } from "./step-program/accumulate.ts";
import { type Call, entryOf, keyOf, parseKey } from "./step-program/entries.ts";
import { loadEntry, readEntry, type StateVariable, type StepState, stepStateOf } from "./step-program/state.ts";
import { type StepFit, type TracedRandom, traceFit } from "./step-program/trace-step.ts";
import { alignedCopies } from "./tensor-copies.ts";

/** What a step is traced with. */
interface Tracing {
  readonly tf: Tfjs;
  readonly step: RecipeStep;
  readonly random: SeededRandom;
  readonly traced: TracedRandom;
}

/**
 * Everything that a recipe's step does, as entries of one graph in one session, where its variables live. An entry that is new is
 * traced, and the state moved to a session that has it.
 */
export class StepGraph {
  readonly state: StepState;
  passes: readonly Pass[] = [];
  readonly recorder = new CallRecorder();
  readonly #tracing: Tracing;
  readonly #entries = new Map<string, Entry>();
  #fit: StepFit | null = null;
  #accumulation: Accumulation | null = null;
  #session: { readonly session: GraphSession; readonly calls: ReadonlyMap<string, SessionFunction> } | null = null;
  /** Compiled by this process and not kept yet. */
  #unsaved: { readonly digest: string; readonly graph: StoredGraph } | null = null;

  constructor(tracing: Tracing) {
    this.#tracing = tracing;
    this.state = stepStateOf(tracing.step);
  }

  /**
   * Checks the fit of data, model, loss and metrics.
   *
   * @throws AnnealError SHAPE_MISMATCH, RECIPE_INVALID, RECIPE_THREW, TRACE_UNSUPPORTED
   */
  fit(): StepFit {
    const { recipePath, batchSize } = this.#options;
    this.#fit ??= guardRecipe("the model", recipePath, () => traceFit({ ...this.#context(), numSamples: batchSize }));
    return this.#fit;
  }

  /** @throws AnnealError as `fit`, POLICY_UNSUPPORTED */
  trace(calls: readonly Call[]): void {
    guardRecipe("the model", this.#options.recipePath, () => {
      for (const call of calls) this.#entries.set(keyOf(call), this.#entry(call));
    });
  }

  /** Compiles what was traced, and opens it with these values of the variables. Returns the digest of the graph that trains. */
  open(passes: readonly Pass[], values: readonly FeedValues[]): string {
    this.passes = passes;
    const digest = this.#trainDigest();
    const { savedModel, signatures } = this.#open(values);
    // A trace leaves several times the graph's size behind, hundreds of megabytes for a long recurrence.
    freeUnusedMemory();
    const { outputShape } = this.fit();
    this.#unsaved = { digest, graph: { savedModel, signatures, outputShape, variables: this.#names() } };
    return digest;
  }

  /** Opens the graph that the run began with, if it is kept and does what these options ask for. */
  openKept(
    lowering: Lowering,
    values: readonly FeedValues[],
  ): Pick<PreparedEngine, "outputShape" | "graphDigest"> | null {
    const { graphs, batchSize } = this.#options;
    const recorded = graphs?.recorded ?? null;
    if (graphs === undefined || recorded === null) return null;
    const kept = readGraph(graphs.directory, recorded);
    if (kept === null || kept.variables.join() !== this.#names().join()) return null;
    const needed = trainKinds(this.#options, batchSize).map(keyOf);
    if (!needed.every((key) => Object.hasOwn(kept.signatures, key))) return null;
    this.passes = passesOf(this.#tracing.step, lowering);
    this.#load(kept, values);
    return { outputShape: kept.outputShape, graphDigest: recorded };
  }

  /** Before the first step and no earlier: a run that cannot be prepared leaves nothing behind. */
  keep(): void {
    const unsaved = this.#unsaved;
    const { graphs } = this.#options;
    if (unsaved === null || graphs === undefined) return;
    this.#unsaved = null;
    try {
      writeGraph(graphs.directory, unsaved.digest, unsaved.graph);
    } catch {
      // Kept to save time, and against a compiler that changes meanwhile: no reason to end a training.
    }
  }

  /** The functions of these calls, all in one session. */
  functions(calls: readonly Call[]): readonly SessionFunction[] {
    const missing = calls.filter((call) => !this.#session?.calls.has(keyOf(call)));
    if (missing.length > 0) {
      this.trace(missing);
      this.#open(this.read());
    }
    return calls.map((call) => this.#session!.calls.get(keyOf(call))!);
  }

  /** The functions of these calls, or null where the session is not made for all of them. */
  knownFunctions(calls: readonly Call[]): readonly SessionFunction[] | null {
    const known = calls.map((call) => this.#session?.calls.get(keyOf(call)));
    return known.every((call) => call !== undefined) ? known : null;
  }

  /** All that lives in the session from call to call, and what it is for. */
  variables(): readonly RecordedVariable[] {
    const of = (tensorClass: TensorClass, variables: readonly StateVariable[]) =>
      variables.map(({ handle, type }) => ({ class: tensorClass, name: handle.node.name ?? "", type }));
    const { gradients, staged } = isParted(this.#options) ? this.#summed() : { gradients: [], staged: [] };
    return [
      ...of("weights", this.state.model),
      ...of("optimizerState", this.state.optimizer),
      ...of("gradients", gradients),
      ...of("workspace", staged),
    ];
  }

  /** Values of the variables, model first. */
  read(): readonly (Float32Array | Int32Array)[] {
    return guardEngine("reading the state", () => this.#session!.calls.get("read")!([]));
  }

  load(values: readonly FeedValues[]): void {
    guardEngine("loading the state", () => {
      this.#session!.calls.get("load")!(alignedCopies(values));
      this.#session!.calls.get(keyOf(clearCall.call))?.(clearCall.feeds);
    });
  }

  /** To measure steps with, which begin with these values of the variables. */
  measureContext(values: readonly FeedValues[]): MeasureContext {
    const { tf, step } = this.#tracing;
    return {
      step,
      state: this.state,
      // A graph that was kept has not been traced by this process, nor has what is only tried.
      entry: (call) => this.#entries.get(keyOf(call)) ?? this.#entry(call),
      backend: tf.findBackend("tensorflow") as TensorflowBackend,
      values,
    };
  }

  dispose(): void {
    this.#session?.session.dispose();
    this.#session = null;
  }

  get #options() {
    return this.#tracing.step.options;
  }

  /** Compiles all entries and opens a session with these values, in place of the one before. */
  #open(values: readonly FeedValues[]): CompiledProgram<string> {
    this.#traceAgain([...(this.#session?.calls.keys() ?? [])]);
    const program = compileProgram(
      { ...Object.fromEntries(this.#entries), load: loadEntry(this.state), read: readEntry(this.state) },
      this.passes,
    );
    this.#load(program, values);
    return program;
  }

  /** What a session that was kept can do is not known as graphs; a session in its place is to do it as well. */
  #traceAgain(keys: readonly string[]): void {
    const unknown = keys.filter((key) => !this.#entries.has(key)).map(parseKey);
    this.trace(unknown.filter((call) => call !== null));
  }

  #load({ savedModel, signatures }: Pick<StoredGraph, "savedModel" | "signatures">, values: readonly FeedValues[]) {
    guardEngine("opening the graph", () => {
      const session = new GraphSession(this.measureContext([]).backend, savedModel);
      const bound = Object.entries(signatures).map(
        ([name, signature]) => [name, this.recorder.bind(session, signature)] as const,
      );
      const calls = new Map(bound);
      this.#session?.session.dispose();
      this.#session = { session, calls };
      this.load(values);
    });
  }

  #entry(call: Call): Entry {
    return entryOf(this.#context(), call, () => this.#summed());
  }

  #summed(): Accumulation {
    this.#accumulation ??= accumulationOf(this.#tracing.step, this.state, this.fit());
    return this.#accumulation;
  }

  #context() {
    return { ...this.#tracing, state: this.state };
  }

  /** Of the graph of a full batch alone: which other sizes come has no influence on its bits. */
  #trainDigest(): string {
    const kinds = trainKinds(this.#options, this.#options.batchSize);
    const entries = kinds.map((call) => [
      isParted(this.#options) ? keyOf(call) : "train",
      this.#entries.get(keyOf(call))!,
    ]);
    const { savedModel } = compileProgram(Object.fromEntries(entries), this.passes);
    return createHash("sha256").update(savedModel).digest("hex");
  }

  #names(): readonly string[] {
    return [...this.state.model, ...this.state.optimizer].map(({ name }) => name);
  }
}
