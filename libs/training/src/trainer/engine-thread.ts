import { parentPort, workerData } from "node:worker_threads";
import {
  type ExportReport,
  type MemoryDecision,
  type MemoryRung,
  type PrecisionDecision,
  toAnnealError,
} from "@anneal/contracts";
import { numFeedThreads, type RingHandles, RingReader, slotTensors } from "@anneal/data";
import { numRingSlots, planMemory } from "@anneal/policy";
import { freeUnusedMemory, loadTensorflow, type TensorflowBackend, type Tfjs } from "@anneal/runtime";
import { createEngine } from "../engine/create-engine.ts";
import { decidePrecision } from "../engine/decide-precision.ts";
import { engineFailure } from "../engine/failures.ts";
import { openPeakPredictor } from "../engine/predict-peak.ts";
import type { Batch, StepEngine } from "../engine/step-engine.ts";
import { type ExportedEngine, exportEngine } from "../export/export-engine.ts";
import { LedgerKeeper } from "../ledger/ledger-keeper.ts";
import { addBatch, emptyAccumulator, meansOf } from "../loop/bookkeeping.ts";
import { type LoopSnapshot, runLoop } from "../loop/run-loop.ts";
import type { Schedule } from "../optimizers/schedules.ts";
import { guardRecipe } from "../recipe/guard.ts";
import { loadRecipe } from "../recipe/load.ts";
import {
  controlWord,
  type EngineCallName,
  type EngineCalls,
  type EngineMessage,
  type EngineRequest,
  type EngineThreadData,
  type EvaluationSums,
  type FeedPredictions,
  type PlanMemory,
  type PrepareEngine,
  type RunLoop,
  type TryPrecisions,
} from "./engine-protocol.ts";

/**
 * The thread that owns TensorFlow. While it trains it never returns to its event loop: it blocks on the ring for data
 * and on the shared control words, so nothing that the main thread does can slow a step down.
 */

/** Reports go to the main thread this often at most: a step may take less than a millisecond. */
const reportIntervalMs = 100;
/** Only guards against a notification that was lost with a killed thread. */
const recheckMs = 200;

/** What a thread that prepares batches was found to take beside them. */
const feedThreadBytes = 40 * 2 ** 20;

const { control: controlBuffer, threads } = workerData as EngineThreadData;
const control = new Int32Array(controlBuffer);
const port = parentPort!;
/** Loaded at once, while the main thread opens the data; a failure is told to the first call. */
const tensorflow = attempt(() =>
  loadTensorflow({ numIntraOpThreads: threads.intraOp, numInterOpThreads: threads.interOp }),
);
let prepared: StepEngine | null = null;
/** What the prepared engine takes and gives. */
let fields: Pick<ExportedEngine, "inputs" | "outputShape"> | null = null;
let keeper: LedgerKeeper | null = null;
let learningRate: Schedule | null = null;
let numSnapshots = 0;
let reportedAtMs = Number.NEGATIVE_INFINITY;

type Handlers = {
  [Name in EngineCallName]: (input: EngineCalls[Name]["input"]) => Promise<EngineCalls[Name]["output"]>;
};

const handlers: Handlers = {
  prepare,
  planMemory: planStepMemory,
  tryPrecisions,
  readState: async () => engine().readState(),
  loadState: async (state) => {
    engine().loadState(state);
    return null;
  },
  run: async (input) => run(input),
  evaluate: async (input) => evaluate(input),
  predict: async ({ inputs, numSamples }) => engine().predictBatch(inputs, numSamples),
  exportModel: async (input) => exportPrepared(input),
  explain: async () => engine().explain(),
  predictFeed: async ({ ring }) => predictFeed(ring),
};

port.on("message", async (request: EngineRequest) => {
  try {
    const handler = handlers[request.call] as (input: unknown) => Promise<unknown>;
    post({ type: "result", id: request.id, output: await handler(request.input) });
  } catch (cause) {
    post({ type: "failed", id: request.id, error: toAnnealError(engineFailure(request.call, cause)).toRecord() });
  }
});

async function prepare(input: PrepareEngine): Promise<EngineCalls["prepare"]["output"]> {
  const { options, schedule } = await toEngineOptions(input);
  learningRate = schedule;
  prepared?.dispose();
  prepared = createEngine[input.engine](loadedTf());
  keeper = new LedgerKeeper({ engine: prepared, batchSize: input.batchSize, totalSteps: input.totalSteps });
  const facts = prepared.prepare(options);
  fields = { inputs: input.inputs, outputShape: facts.outputShape };
  return facts;
}

/** What an engine takes: its functions are those of the recipe. */
async function toEngineOptions(input: PrepareEngine) {
  const { recipeEntry, parameters, totalSteps, stepsPerEpoch } = input;
  const recipe = await loadRecipe(recipeEntry);
  const optimizer = guardRecipe("optimizer()", recipeEntry, () =>
    recipe.optimizer({ parameters, totalSteps, stepsPerEpoch }),
  );
  return { options: { ...input, recipe, recipePath: recipeEntry, optimizer }, schedule: optimizer.schedule };
}

async function planStepMemory({ prepare, planning, cacheBytes }: PlanMemory): Promise<MemoryDecision> {
  const { options } = await toEngineOptions(prepare);
  using predictor = openPeakPredictor(loadedTf(), options, threads.interOp);
  // What the process takes without any step: code, threads, data, the model's first weights.
  freeUnusedMemory();
  const baseBytes = process.memoryUsage.rss() + numFeedThreads() * feedThreadBytes + cacheBytes;
  const predictPeak = (rung: MemoryRung): number =>
    baseBytes + predictor.predictStep(rung) + numRingSlots(rung) * planning.batchBytes;
  return planMemory({ ...planning, predictPeak, normalisesOverBatch: predictor.normalisesOverBatch });
}

async function tryPrecisions(input: TryPrecisions): Promise<PrecisionDecision> {
  const { options, schedule } = await toEngineOptions(input.prepare);
  using opened = new DisposableStack();
  const tried = input.tried.map((precision) => {
    const engine = opened.adopt(createEngine[input.prepare.engine](loadedTf()), (each) => each.dispose());
    engine.prepare({ ...options, precision, lowering: "graph" });
    return { precision, engine };
  });
  const batches = takeAll(new RingReader(input.ring));
  return decidePrecision({ tried, batches, learningRate: (step) => schedule.at(step), lossScale: input.lossScale });
}

/** Batches in memory of their own. */
function takeAll(source: RingReader): readonly Batch[] {
  const batches: Batch[] = [];
  for (let item = source.next(); item !== null; item = source.next()) {
    const { numSamples, inputs, labels } = item;
    batches.push({ numSamples, inputs: inputs.slice(), labels: labels.slice() });
    source.release(item.index);
  }
  return batches;
}

function loadedTf(): Tfjs {
  if ("failure" in tensorflow) throw tensorflow.failure;
  return tensorflow.value.tf;
}

function run(input: RunLoop): EngineCalls["run"]["output"] {
  const source = new RingReader(input.ring);
  if (learningRate === null || keeper === null) throw new Error("the engine was not prepared");
  const watched = keeper.watch({
    slot: slotTensors(input.ring),
    numSlots: input.ring.numSlots,
    numFilled: () => source.numFilled(),
  });
  const outcome = runLoop({
    ...input,
    engine: watched,
    source,
    schedule: input.ring.schedule,
    learningRate,
    control: { stopRequested: () => isSet(controlWord.stop), abortRequested: () => isSet(controlWord.abort) },
    save,
    beforeSave: waitUntilWritten,
    report: (make) => {
      const now = performance.now();
      if (now - reportedAtMs < reportIntervalMs) return;
      reportedAtMs = now;
      post({ type: "report", report: make() });
    },
  });
  return { ...outcome, ledger: keeper.takeNews() };
}

function evaluate({ ring, step }: EngineCalls["evaluate"]["input"]): EvaluationSums {
  const source = new RingReader(ring);
  let sums = emptyAccumulator;
  for (let item = source.next(); item !== null; item = source.next()) {
    sums = addBatch(sums, engine().evaluateBatch(item, step));
    source.release(item.index);
    post({ type: "evaluated", numSamples: sums.numSamples });
  }
  return { numSamples: sums.numSamples, metrics: meansOf(sums) };
}

function predictFeed(ring: RingHandles): FeedPredictions {
  const source = new RingReader(ring);
  const outputs: Float32Array[] = [];
  const labels: number[][] = [];
  for (let item = source.next(); item !== null; item = source.next()) {
    outputs.push(engine().predictBatch(item.inputs, item.numSamples));
    labels.push(Array.from(item.labels));
    source.release(item.index);
  }
  return { outputs, labels };
}

async function exportPrepared(input: EngineCalls["exportModel"]["input"]): Promise<ExportReport> {
  if (fields === null) throw new Error("the engine was not prepared");
  const backend = loadedTf().findBackend("tensorflow") as TensorflowBackend;
  return exportEngine({ engine: engine(), ...fields, backend }, input);
}

/** Hands a snapshot over: its tensors lie in two buffers, which change hands without a copy. */
function save(snapshot: LoopSnapshot): void {
  numSnapshots += 1;
  const tensors = [...snapshot.engine.model, ...snapshot.engine.optimizer];
  const buffers = new Set(tensors.map(({ data }) => data.buffer as ArrayBuffer));
  port.postMessage({ type: "snapshot", snapshot } satisfies EngineMessage, [...buffers]);
}

/** At most one snapshot is on its way to the disk: a slow disk slows the run down, it never fills the memory. */
function waitUntilWritten(): void {
  for (;;) {
    const numWritten = Atomics.load(control, controlWord.numWritten);
    if (numWritten >= numSnapshots || isSet(controlWord.abort)) return;
    Atomics.wait(control, controlWord.numWritten, numWritten, recheckMs);
  }
}

function engine(): StepEngine {
  if (prepared === null) throw new Error("the engine was not prepared");
  return prepared;
}

function attempt<T>(run: () => T): { readonly value: T } | { readonly failure: unknown } {
  try {
    return { value: run() };
  } catch (failure) {
    return { failure };
  }
}

function isSet(word: number): boolean {
  return Atomics.load(control, word) !== 0;
}

function post(message: EngineMessage): void {
  port.postMessage(message);
}
