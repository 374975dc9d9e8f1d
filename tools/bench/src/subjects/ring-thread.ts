import { parentPort, workerData } from "node:worker_threads";
import type { Threads } from "@anneal/contracts";
import { type RingHandles, RingReader } from "@anneal/data";
import { loadTensorflow } from "@anneal/runtime";
import { EagerEngine, type EngineOptions, type EngineState, loadRecipe } from "@anneal/training";

/** What reads the ring: the engine, as in a trainer; nobody (the feed alone); or somebody who keeps everything. */
export type RingWork =
  | {
      readonly kind: "train";
      readonly engine: Omit<EngineOptions, "recipe" | "optimizer">;
      readonly totalSteps: number;
      readonly snapshotEvery: number | null;
      readonly threads: Threads;
    }
  | { readonly kind: "drain" }
  | { readonly kind: "collect" };

export interface RingThreadData {
  readonly ring: RingHandles;
  readonly work: RingWork;
}

export type RingMessage =
  /** Everything is loaded: the feed may start. */
  | { readonly type: "ready" }
  | { readonly type: "snapshot"; readonly step: number; readonly state: EngineState }
  | { readonly type: "done"; readonly outcome: RingOutcome };

export interface RingOutcome {
  readonly elapsedMs: number;
  readonly numSamples: number;
  /** How long the loop stood still for each copy of the state, in ms. */
  readonly stallsMs: readonly number[];
  /** All batches one after another, where they were collected. */
  readonly collected: { readonly inputs: Float32Array; readonly labels: Int32Array } | null;
}

const { ring, work } = workerData as RingThreadData;
const port = parentPort!;
const post = (message: RingMessage): void => port.postMessage(message);

if (work.kind === "train") await train(work);
else read(work.kind === "collect");

async function train({ engine: options, totalSteps, snapshotEvery, threads }: Extract<RingWork, { kind: "train" }>) {
  const { tf } = loadTensorflow({ numIntraOpThreads: threads.intraOp, numInterOpThreads: threads.interOp });
  const recipe = await loadRecipe(options.recipePath);
  const optimizer = recipe.optimizer({ parameters: options.parameters, totalSteps, stepsPerEpoch: totalSteps });
  const engine = new EagerEngine(tf);
  engine.prepare({ ...options, recipe, optimizer });
  post({ type: "ready" });
  const reader = new RingReader(ring);
  const stallsMs: number[] = [];
  let numSamples = 0;
  const startedAt = performance.now();
  for (let item = reader.next(), step = 0; item !== null; item = reader.next(), step += 1) {
    engine.trainBatch(item, { step, learningRate: optimizer.schedule.at(step) });
    numSamples += item.numSamples;
    reader.release(item.index);
    if (snapshotEvery === null || (step + 1) % snapshotEvery !== 0) continue;
    const before = performance.now();
    const state = engine.readState();
    stallsMs.push(performance.now() - before);
    post({ type: "snapshot", step: step + 1, state });
  }
  post({
    type: "done",
    outcome: { elapsedMs: performance.now() - startedAt, numSamples, stallsMs, collected: null },
  });
}

function read(collects: boolean): void {
  post({ type: "ready" });
  const reader = new RingReader(ring);
  const inputs: Float32Array[] = [];
  const labels: Int32Array[] = [];
  let numSamples = 0;
  const startedAt = performance.now();
  for (let item = reader.next(); item !== null; item = reader.next()) {
    numSamples += item.numSamples;
    if (collects) {
      inputs.push(Float32Array.from(item.inputs));
      labels.push(Int32Array.from(item.labels));
    }
    reader.release(item.index);
  }
  const elapsedMs = performance.now() - startedAt;
  const collected = collects
    ? { inputs: concatenate(inputs, Float32Array), labels: concatenate(labels, Int32Array) }
    : null;
  post({ type: "done", outcome: { elapsedMs, numSamples, stallsMs: [], collected } });
}

function concatenate<T extends Float32Array | Int32Array>(parts: readonly T[], Type: new (length: number) => T): T {
  const whole = new Type(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
