import { parentPort, workerData } from "node:worker_threads";
import { type ErrorRecord, toAnnealError } from "@anneal/contracts";
import { createStream, type StreamHandles, type StreamSample } from "@anneal/sources";
import { Draws } from "./draws.ts";
import type { FeedPlan } from "./plan.ts";
import type { Stages } from "./producer.ts";
import { type FeedPhase, itemAt } from "./schedule.ts";
import { Stage } from "./stage.ts";
import { windowOf } from "./stream-order.ts";

/** What the thread that pulls streams is started with. */
export interface StreamThreadData {
  readonly plan: FeedPlan;
  readonly stages: Stages;
}

export type StreamMessage = { readonly staged: number } | { readonly failure: ErrorRecord };

/** A stream that is open: the next sample it gives, and those of a window that were pulled. */
interface OpenStream {
  readonly epoch: number;
  readonly samples: AsyncGenerator<StreamSample>;
  readonly window: Map<number, StreamSample>;
  next: number;
}

const { plan, stages } = workerData as StreamThreadData;
const opened = new Map<FeedPhase, OpenStream>();
const drawsOf = new Map<FeedPhase, Draws>();
const port = parentPort!;
/** One item after another: they are asked for in the order of the plan. */
let working: Promise<void> = Promise.resolve();

port.on("message", (item: number) => {
  working = working.then(() => stageItem(item)).catch(tellFailure);
});

function tellFailure(cause: unknown): void {
  port.postMessage({ failure: toAnnealError(cause).toRecord() } satisfies StreamMessage);
}

async function stageItem(item: number): Promise<void> {
  const { epoch, phase, batch, numSamples } = itemAt(plan, item);
  const dataset = plan.datasets[phase]!;
  const [part] = dataset.parts as [(typeof dataset.parts)[number]];
  const handles = part.source as StreamHandles;
  const stage = new Stage(stages[phase]!);
  const isTraining = phase === "train";
  const isShuffled = isTraining && plan.shuffle && dataset.shuffle !== false;
  // One for all items: it keeps the order of the window in work.
  const draws = drawsOf.get(phase) ?? new Draws(dataset, { seed: plan.seed, shuffle: isTraining && plan.shuffle });
  drawsOf.set(phase, draws);
  const first = batch * plan.batchSize;
  for (let k = 0; k < numSamples; k++) {
    const { index } = draws.at(epoch, first + k);
    // What is not trained on is the same in each epoch.
    const start = isShuffled ? windowOf(first + k, dataset.window).start : index;
    const stream = await openAt(phase, handles, isTraining ? epoch : 0, start, index);
    stage.write(item, k, await take(stream, index));
  }
  port.postMessage({ staged: item } satisfies StreamMessage);
}

/** The stream of an epoch: the one that is open if it can still give the sample, else a new one from the window's start on. */
async function openAt(
  phase: FeedPhase,
  handles: StreamHandles,
  epoch: number,
  start: number,
  index: number,
): Promise<OpenStream> {
  const known = opened.get(phase);
  if (known?.epoch === epoch && (known.window.has(index) || known.next <= index)) return known;
  await known?.samples.return(undefined);
  const stream: OpenStream = {
    epoch,
    samples: createStream(handles, { epoch, start, seed: plan.seed }),
    window: new Map(),
    next: start,
  };
  opened.set(phase, stream);
  return stream;
}

/** Pulls until the sample is there; those before it wait in the window. */
async function take(stream: OpenStream, index: number): Promise<StreamSample> {
  while (stream.next <= index) {
    const { value, done } = await stream.samples.next();
    if (done) throw new Error(`the stream ended before sample ${index}`);
    // The stream's own arrays are valid until its next sample.
    stream.window.set(value.index, { ...value, input: value.input.slice(), label: value.label.slice() });
    stream.next = value.index + 1;
  }
  const sample = stream.window.get(index)!;
  stream.window.delete(index);
  return sample;
}
