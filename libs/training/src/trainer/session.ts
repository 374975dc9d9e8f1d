import {
  type CheckpointStore,
  type LoadedCheckpoint,
  modelBytesOf,
  openCheckpointStore,
  runPathsAt,
} from "@anneal/checkpoint";
import {
  type CheckpointReference,
  type Corrections,
  type DataFacts,
  type EvaluationResult,
  type ExportReport,
  type Fingerprint,
  type LoopState,
  type ManifestDraft,
  type MemoryDecision,
  type MemoryRung,
  type PrecisionDecision,
  type SegmentResult,
  type SkippedCheckpoint,
  type StepExplanation,
  type TopicBounds,
  type TrainingPlan,
  toAnnealError,
} from "@anneal/contracts";
import { atWindow, evaluationPlan, type Feed, openFeed, type RingHandles, type TypedArray } from "@anneal/data";
import { isSameRung, numRingSlots } from "@anneal/policy";
import { fingerprintDifferences, freeUnusedMemory, requestedDevice, tensorflowEnvironment } from "@anneal/runtime";
import type { PreparedEngine } from "../engine/step-engine.ts";
import { RunLedger } from "../ledger/run-ledger.ts";
import { currentMetrics, initialLoopState, monitoredValue, validationIsPending } from "../loop/bookkeeping.ts";
import type { LoopOutcome, LoopSnapshot } from "../loop/run-loop.ts";
import { dataFactsOf, type FeedWaits, feedWaitsOf, withPlaces, withTopicPosition } from "./data-facts.ts";
import { EngineHost } from "./engine-host.ts";
import type { ExportCall, FeedPredictions } from "./engine-protocol.ts";
import { lockfileDigest } from "./lockfile.ts";
import { decideMemory, unplannedMemory } from "./memory-plan.ts";
import { decidePrecisionOf, precisionAskedFor } from "./precision-choice.ts";
import { moveTo } from "./rung-choice.ts";
import { dataPrefix, mismatch, noCheckpoint, noSplit } from "./session-errors.ts";
import type { SessionOptions } from "./session-options.ts";
import { type Setup, setUp } from "./setup.ts";
import { batchSizesOf, stepsPerCallOn, trialOf } from "./step-sizes.ts";
import { TopicGroup } from "./topic-group.ts";
import { openTrainingFeed, rssWhenReady, tellingOf } from "./training-feed.ts";

/** Of weights that are stored in 16 bits: those that training goes on from, or those that the model file holds. */
export type Weights = "master" | "stored";

/** Where the weights in the engine's memory stand. */
interface Position {
  readonly state: LoopState;
  readonly checkpoint: CheckpointReference;
  readonly modelBytes: number;
  readonly exact: boolean;
  readonly weights: Weights;
}

/** What was decided, and the engine that was prepared so. */
interface Decided {
  readonly prepared: PreparedEngine;
  readonly precision: PrecisionDecision;
  readonly memory: MemoryDecision;
  readonly rung: MemoryRung;
}

/** A run loaded into this process: its recipe, its data, its engine, and the state that the engine is at. */
export class TrainerSession {
  readonly options: SessionOptions;
  readonly setup: Setup;
  readonly plan: TrainingPlan;
  /** The rung that this session is on. */
  readonly rung: MemoryRung;
  /** What the bits of this session's steps depend on: on the plan's rung, as the plan has it. */
  readonly fingerprint: Fingerprint;
  readonly outputShape: readonly number[];
  readonly store: CheckpointStore;
  readonly topicGroup: TopicGroup;
  readonly #host: EngineHost;
  readonly #scalesLoss: boolean;
  #feed: { readonly feed: Feed; nextItem: number } | null = null;
  #evaluationFeed: Feed | null = null;
  /** Of a topic in windows: the one that the feed reads. */
  #window: TopicBounds | null = null;
  #position: Position | null = null;
  #loadedRssBytes: number | null = null;
  #attempt = -1;
  #lockfileDigest: string;
  readonly #ledger: RunLedger;

  private constructor(
    options: SessionOptions,
    setup: Setup,
    host: EngineHost,
    { prepared, precision, memory, rung }: Decided,
    lockfile: string,
  ) {
    const { recorded } = options;
    this.options = options;
    this.setup = setup;
    this.rung = rung;
    this.fingerprint = { ...setup.plan.fingerprint, precision: precision.precision, graph: prepared.graphDigest };
    const planned = isSameRung(rung, memory.rung) ? prepared.graphDigest : (recorded?.fingerprint.graph ?? null);
    this.plan = {
      ...setup.plan,
      fingerprint: { ...this.fingerprint, graph: planned },
      lowering: recorded?.lowering ?? prepared.lowering,
      precision,
      memory,
      numParameters: prepared.numParameters,
    };
    this.outputShape = prepared.outputShape;
    this.#scalesLoss = prepared.scalesLoss;
    this.store = openCheckpointStore(options.runDirectory);
    this.topicGroup = new TopicGroup(setup.datasets, options);
    this.#host = host;
    this.#lockfileDigest = lockfile;
    this.#ledger = new RunLedger(options.runDirectory);
  }

  /** Loads recipe and data, starts the engine, builds the model. Writes nothing. */
  static async open(options: SessionOptions): Promise<TrainerSession> {
    const { spec, source, threads, recorded, events } = options;
    const execution = recorded?.lowering ?? options.execution ?? null;
    const known = recorded?.precision ?? options.precision ?? null;
    // TensorFlow reads its environment when it is loaded: set before the engine thread starts.
    const settings = { numIntraOpThreads: threads.intraOp, numInterOpThreads: threads.interOp };
    Object.assign(process.env, tensorflowEnvironment({ ...settings, device: requestedDevice() }));
    let session: TrainerSession | null = null;
    const host = new EngineHost(threads, {
      onReport: events.onReport,
      onEvaluated: events.onEvaluated,
      onLost: events.onEngineLost,
      onSnapshot: (snapshot) => session!.#commit(snapshot),
    });
    try {
      // TensorFlow loads in its thread meanwhile.
      const topics = recorded?.topics ?? options.topics;
      const setup = await setUp(spec, source, threads, recorded, options.fitted, topics);
      const { plan, datasets } = setup;
      const { train } = datasets;
      const request = {
        engine: spec.engine,
        recipeEntry: source.entry,
        parameters: setup.parameters,
        seed: spec.seed,
        batchSize: plan.batchSize,
        batchSizes: batchSizesOf(plan),
        inputs: train.inputs,
        labels: train.labels,
        numClasses: train.numClasses,
        totalSteps: plan.totalSteps,
        stepsPerEpoch: plan.stepsPerEpoch,
        crossEntropy: spec.policy.crossEntropy,
        layerPrecision: setup.training.layerPrecision,
        precision: (known ?? precisionAskedFor(spec)).precision,
        initialWeights: setup.initialWeights,
      };
      const isPlanned = recorded !== null || options.rung !== null;
      const memory = isPlanned
        ? (recorded?.memory ?? unplannedMemory(spec, setup))
        : await decideMemory(host, request, spec, setup, options.outOfMemory);
      const { rung, graph } = options.rung ?? { ...memory, graph: null };
      const onRung = {
        ...request,
        microBatches: rung.microBatches,
        recomputeSegments: rung.recomputeSegments,
      };
      const precision = known ?? (await decidePrecisionOf(spec, setup, host, onRung));
      const prepared = await host.call("prepare", {
        ...onRung,
        precision: precision.precision,
        lowering: execution?.lowering ?? (spec.lowering === "auto" ? trialOf(spec, plan) : spec.lowering),
        stepsPerCall: stepsPerCallOn(rung, memory, execution),
        graphs: { directory: runPathsAt(options.runDirectory).graphs, recorded: graph },
      });
      session = new TrainerSession(options, setup, host, { prepared, precision, memory, rung }, await lockfileDigest());
      return session;
    } catch (cause) {
      await host.close();
      throw source.relocate(toAnnealError(cause));
    }
  }

  /** Takes the run over from all earlier attempts. */
  async acquire(attempt: number): Promise<void> {
    await this.store.acquire(attempt);
    this.#attempt = attempt;
  }

  /** Commits the initial state as step 0. */
  async commitInitial(): Promise<void> {
    const engine = await this.#host.call("readState", null);
    const loop = withTopicPosition(initialLoopState(engine.optimizerScalars), this.setup.datasets, null);
    await this.topicGroup.claim(loop);
    this.#position = { state: loop, checkpoint: notCommitted, modelBytes: 0, exact: true, weights: "master" };
    await this.#commit({ loop, engine, stallMs: 0 });
  }

  /** Whether memory holds exactly these weights of the run's newest checkpoint: then nothing needs to be loaded. */
  async isAtNewest(weights: Weights): Promise<boolean> {
    if (this.#position === null) return false;
    // In float32 they are the same.
    const differ = this.options.spec.policy.weightStorage !== "float32";
    if (differ && this.#position.weights !== weights) return false;
    const [newest] = await this.store.list();
    return newest?.digest === this.#position.checkpoint.digest;
  }

  /**
   * Loads the newest sound checkpoint into the engine.
   *
   * @throws AnnealError FINGERPRINT_MISMATCH and DATASET_CHANGED unless `allowInexact`; CHECKPOINT_NOT_FOUND, CHECKPOINT_CORRUPT,
   *   CHECKPOINT_INCOMPATIBLE
   */
  async loadNewest(allowInexact: boolean, weights: Weights): Promise<readonly SkippedCheckpoint[]> {
    const found = await this.store.loadLatest();
    if (found === null) throw noCheckpoint(this.options.runId);
    await this.load(found.checkpoint, allowInexact, weights);
    return found.skipped;
  }

  async load(checkpoint: LoadedCheckpoint, allowInexact: boolean, weights: Weights): Promise<void> {
    const { manifest, optimizer } = checkpoint;
    const model = weights === "master" ? checkpoint.masterWeights : checkpoint.model;
    const { plan, fingerprint, rung, options } = this;
    const why = options.rung?.why ?? plan.memory?.why ?? "";
    const state = moveTo(manifest.state, { rung, why }, options.spec, plan);
    // Another rung has another graph, which the move in the state accounts for.
    const hasMoved = state !== manifest.state;
    // Whoever goes on with an edited recipe takes the data and the step that it declares.
    const isOtherRecipe = manifest.recipe.digest !== plan.recipeDigest;
    const differences = fingerprintDifferences(manifest.fingerprint, fingerprint).filter(
      (name) => !(isOtherRecipe && name.startsWith(dataPrefix)) && !((isOtherRecipe || hasMoved) && name === "graph"),
    );
    if (differences.length > 0 && !allowInexact) throw mismatch(differences, manifest.fingerprint, fingerprint);
    await this.#host.call("loadState", { model, optimizer, optimizerScalars: state.optimizer });
    const exact = manifest.exact && differences.length === 0;
    this.#position = { state, checkpoint, modelBytes: modelBytesOf(manifest), exact, weights };
  }

  /** Trains until a step or the end of the segment's time. Whatever state it ends in is committed. */
  async train(
    untilStep: number,
    corrections: Corrections | null = null,
    window: TopicBounds | null = null,
  ): Promise<LoopOutcome> {
    const { spec } = this.options;
    if (window?.window !== this.#window?.window) await this.#closeFeed();
    this.#window = window;
    const state = { ...this.#at().state, ...(corrections && { corrections }) };
    // What was read or written before the first step, several copies of the state, is not what training needs.
    if (this.#feed === null) freeUnusedMemory();
    const feed = await this.#feedAt(state.cursor);
    this.#loadedRssBytes ??= await rssWhenReady(feed.feed);
    try {
      const outcome = await this.#host.run({
        ring: feed.feed.handles,
        start: state,
        rules: this.setup.rules,
        maxBadShare: this.setup.datasets.train.badRecords.maxShare,
        untilStep: Math.min(untilStep, this.plan.totalSteps),
        stepsPerCall: this.#stepsPerCall,
        lossScale: this.#scalesLoss ? spec.policy.lossScale : null,
        maxMs: spec.segment.maxMs,
        checkpointEveryMs: spec.checkpoint.everyMs,
        checkpointEverySteps: spec.checkpoint.everySteps ?? null,
      });
      await this.#ledger.add(outcome.ledger);
      feed.nextItem = outcome.sourceIsAhead ? -1 : outcome.state.cursor.item;
      return outcome;
    } catch (cause) {
      // The engine's state is not that of any checkpoint now.
      this.#position = null;
      throw this.options.source.relocate(withPlaces(toAnnealError(cause), feed.feed.stats().badPlaces));
    }
  }

  /** What there is to say of the run's data after so many samples that could not be read, before an item. Asked in the order of items. */
  dataFacts(numReplaced: number, item: number): DataFacts {
    return dataFactsOf(this.setup.datasets, numReplaced, this.#feed?.feed ?? null, item, this.options.source);
  }

  /** Metrics of the weights in memory over a window, or the test data, else the validation data, else the train data. */
  async evaluate(
    skipped: readonly SkippedCheckpoint[],
    wanted?: EvaluationResult["split"],
    window: TopicBounds | null = null,
  ): Promise<EvaluationResult> {
    const { datasets, training, plan: planned } = this.setup;
    const split = wanted ?? (datasets.test ? "test" : datasets.validation ? "validation" : "train");
    const dataset = window === null ? datasets[split] : atWindow(datasets.train, window, planned.windows!.numEvaluated);
    if (dataset === null) throw noSplit(split);
    // Its threads and its ring are as large as those that are needed now.
    await this.#closeFeed();
    const plan = evaluationPlan({ dataset, batchSize: training.evaluationBatchSize, seed: this.options.spec.seed });
    const feed = openFeed({ plan, startItem: 0, numSlots: numRingSlots(this.rung), ...tellingOf(this.options.source) });
    this.#evaluationFeed = feed;
    try {
      feed.start();
      const { state, checkpoint } = this.#at();
      const { numSamples, metrics } = await this.#host.call("evaluate", { ring: feed.handles, step: state.step });
      const measured = { numSamples, metrics, checkpoint: referenceOf(checkpoint), skipped };
      return { ...measured, ...(window === null ? { split } : { split: "train", window: window.window! }) };
    } finally {
      this.#evaluationFeed = null;
      await feed.close();
    }
  }

  /** Outputs for inputs of the model's own form, `[numSamples, ...inputShape]` in the inputs' dtype. */
  predict(inputs: TypedArray, numSamples: number): Promise<Float32Array> {
    return this.#host.call("predict", { inputs, numSamples });
  }

  /** Outputs and labels of all items of a feed. */
  predictFeed(ring: RingHandles): Promise<FeedPredictions> {
    return this.#host.call("predictFeed", { ring });
  }

  /** Writes the weights in memory as a file of another format, once it is proven. */
  exportModel(call: ExportCall): Promise<ExportReport> {
    return this.#host.call("exportModel", call);
  }

  /** The step, opened. */
  explain(): Promise<StepExplanation> {
    return this.#host.call("explain", null);
  }

  /** How long the engine waited for the training's feed since it was opened, in ms. */
  feedWaits(): FeedWaits {
    return feedWaitsOf(this.#feed?.feed.stats());
  }

  /** Asks whatever runs to end: training at its next step, an evaluation at its next batch. */
  requestStop(): void {
    this.#host.requestStop();
    // Its reader is told that the feed was closed, which is `PREEMPTED`.
    void this.#evaluationFeed?.close();
  }

  clearStop(): void {
    this.#host.clearStop();
  }

  /** The current state as an activity reports it. */
  result(skipped: readonly SkippedCheckpoint[]): SegmentResult {
    const { state, checkpoint, modelBytes, exact } = this.#at();
    return {
      step: state.step,
      epoch: state.epoch,
      metrics: currentMetrics(state),
      checkpoint: referenceOf(checkpoint),
      best: state.best,
      finished: this.isFinished,
      stoppedEarly: state.stoppedEarly,
      exact,
      skipped,
      corrections: state.corrections ?? null,
      ...(state.lossScale && { lossScale: state.lossScale }),
      ...(state.cursor.topic && { topic: state.cursor.topic }),
      ...(state.rungMoves && { rungMoves: state.rungMoves }),
      modelBytes,
      ...(this.#feed && { data: this.dataFacts(state.badRecords?.numMet ?? 0, state.cursor.item) }),
      ...(this.#ledger.current && { ledger: this.#ledger.current }),
    };
  }

  /** Nothing is left to do; a validation that a stop interrupted after the last step still is. */
  get isFinished(): boolean {
    const { state } = this.#at();
    const { totalSteps, stepsPerEpoch } = this.plan;
    if (state.stoppedEarly) return true;
    return state.step >= totalSteps && !validationIsPending(state, this.setup.feed, stepsPerEpoch);
  }

  /** Resident when the first batch was ready and no step was made yet; 0 where nothing was trained. */
  get loadedRssBytes(): number {
    return this.#loadedRssBytes ?? 0;
  }

  get state(): LoopState {
    return this.#at().state;
  }

  async close(): Promise<void> {
    await this.#host.close();
    await this.#evaluationFeed?.close();
    await this.#closeFeed();
    await this.topicGroup.close();
  }

  async #closeFeed(): Promise<void> {
    const open = this.#feed;
    this.#feed = null;
    await open?.feed.close();
  }

  async #commit({ loop: trained, engine }: LoopSnapshot): Promise<void> {
    const { exact } = this.#at();
    // Before anything is waited for: the items that follow are counted soon.
    const loop = withTopicPosition(trained, this.setup.datasets, this.#feed?.feed ?? null);
    const committed = await this.store.commit(this.#attempt, {
      draft: this.#draft(loop, exact),
      model: engine.model,
      optimizer: engine.optimizer,
    });
    this.#position = { state: loop, checkpoint: committed, modelBytes: committed.modelBytes, exact, weights: "master" };
    this.options.events.onCommitted(referenceOf(committed));
    this.topicGroup.tell(loop);
    const { keepLast, keepBest } = this.options.spec.checkpoint;
    await this.store.retain(this.#attempt, { keepLast, keepBest });
  }

  #draft(state: LoopState, exact: boolean): ManifestDraft {
    const { runId, spec } = this.options;
    const { plan, setup, fingerprint } = this;
    const last = state.history.at(-1);
    // Known only where the state is that of an epoch's end.
    const value = last?.step === state.step ? monitoredValue(last, plan.monitor.metric) : null;
    return {
      runId,
      seed: spec.seed,
      recipe: { name: plan.recipeName, digest: plan.recipeDigest },
      parameters: plan.parameters as ManifestDraft["parameters"],
      policy: spec.policy,
      optimizerName: setup.optimizerName,
      fingerprint: { ...fingerprint },
      exact,
      lockfileDigest: this.#lockfileDigest,
      monitor: { ...plan.monitor, value },
      state,
    };
  }

  /** The feed of the training, going on where it stands if it stands there: prefetching knows no segments. */
  async #feedAt(cursor: LoopState["cursor"]): Promise<{ readonly feed: Feed; nextItem: number }> {
    if (this.#feed !== null && this.#feed.nextItem === cursor.item) return this.#feed;
    await this.#closeFeed();
    const feed = openTrainingFeed(this, cursor, this.#stepsPerCall, this.#window);
    this.#feed = { feed, nextItem: cursor.item };
    feed.start();
    return this.#feed;
  }

  get #stepsPerCall(): number {
    return stepsPerCallOn(this.rung, this.plan.memory!, this.plan.lowering);
  }

  #at(): Position {
    if (this.#position === null) throw new Error("no checkpoint was loaded");
    return this.#position;
  }
}

const notCommitted: CheckpointReference = { step: 0, epoch: 0, path: "", digest: "" };

function referenceOf({ step, epoch, path, digest }: CheckpointReference): CheckpointReference {
  return { step, epoch, path, digest };
}
