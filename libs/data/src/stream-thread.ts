import { parentPort, workerData } from "node:worker_threads";
import { type ErrorRecord, type TopicPosition, toAnnealError } from "@anneal/contracts";
import { type Asked, openStream, type SampleStream, type StreamHandles, type StreamSample } from "@anneal/sources";
import { Draws } from "./draws.ts";
import { KeptSamples } from "./kept-samples.ts";
import type { FeedPlan } from "./plan.ts";
import type { Stages } from "./producer.ts";
import { type FeedPhase, itemAt } from "./schedule.ts";
import { Stage } from "./stage.ts";
import { windowOf } from "./stream-order.ts";
import type { ItemRecords } from "./topic-book.ts";

/** What the thread that pulls streams is started with. */
export interface StreamThreadData {
  readonly plan: FeedPlan;
  readonly stages: Stages;
  /** Of training data that is a topic: where the feed begins. */
  readonly position: TopicPosition | null;
  /** By phase, what its generator is asked for: for the main thread to see. */
  readonly asked: Readonly<Partial<Record<FeedPhase, Asked>>>;
}

export type StreamMessage =
  | {
      readonly staged: number;
      /** Of training data that is a topic: the item's records. */
      readonly records: ItemRecords | null;
      /** What there is to read of each partition of it; null for no news. */
      readonly ends: ReadonlyMap<number, number> | null;
      /** Records that were used before the position that the feed begins at; with its first item alone. */
      readonly used: ItemRecords | null;
    }
  | { readonly waiting: string | null }
  | { readonly failure: ErrorRecord };

/** A stream that is open: the next sample it gives, and those of a window that were pulled. */
interface OpenStream {
  readonly epoch: number;
  readonly samples: SampleStream;
  readonly window: KeptSamples;
  next: number;
}

const { plan, stages, asked, position } = workerData as StreamThreadData;
const opened = new Map<FeedPhase, OpenStream>();
const drawsOf = new Map<FeedPhase, Draws>();
const port = parentPort!;
let used: ItemRecords | null = null;
let toldEnds = -1;
/** One item after another: they are asked for in the order of the plan. */
let working: Promise<void> = Promise.resolve();

port.on("message", (item: number) => {
  working = working.then(() => stageItem(item)).catch(tellFailure);
});

function tellFailure(cause: unknown): void {
  post({ failure: toAnnealError(cause).toRecord() });
}

function post(message: StreamMessage, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, [...transfer]);
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
  const records = isTraining && handles.origin === "topic" ? new Float64Array(3 * numSamples) : null;
  let stream: OpenStream | null = null;
  for (let k = 0; k < numSamples; k++) {
    const { index } = draws.at(epoch, first + k);
    // What is not trained on is the same in each epoch.
    const start = isShuffled ? windowOf(first + k, dataset.window).start : index;
    const pass = isTraining ? epoch : 0;
    stream = stillOpen(phase, pass, index) ?? (await openAt(phase, handles, pass, start, index));
    // Who waits for nothing is not made to: a topic gives a million samples in the time of a few.
    const sample = takeNow(stream, index) ?? (await take(stream, index));
    stage.write(item, k, sample);
    if (records !== null) {
      records[3 * k] = index;
      records[3 * k + 1] = sample.record!.partition;
      records[3 * k + 2] = sample.record!.offset;
    }
  }
  const ends = records === null ? null : newsOf(stream!.samples.ends);
  post({ staged: item, records, used, ends }, records === null ? [] : [records.buffer]);
  used = null;
}

/** What there is to read, where that has changed since it was told last. */
function newsOf(ends: ReadonlyMap<number, number>): ReadonlyMap<number, number> | null {
  let sum = 0;
  for (const end of ends.values()) sum += end;
  if (sum === toldEnds) return null;
  toldEnds = sum;
  return new Map(ends);
}

/** The stream of an epoch that is open, if it can still give the sample. */
function stillOpen(phase: FeedPhase, epoch: number, index: number): OpenStream | null {
  const known = opened.get(phase);
  return known?.epoch === epoch && (known.window.has(index) || known.next <= index) ? known : null;
}

/** The stream of an epoch, from the window's start on. */
async function openAt(
  phase: FeedPhase,
  handles: StreamHandles,
  epoch: number,
  start: number,
  index: number,
): Promise<OpenStream> {
  await opened.get(phase)?.samples.close();
  const isEntered = phase === "train" && position?.pass === epoch && position.index <= index;
  // Samples before the position were used: nobody asks for them, in whatever window they are.
  const from = isEntered ? Math.max(start, position.index) : start;
  const stream: OpenStream = {
    epoch,
    samples: openStream(handles, {
      epoch,
      start: from,
      seed: plan.seed,
      position: isEntered ? { index: position.index, next: nextOf(position) } : null,
      onWaiting: (waiting) => post({ waiting }),
      asked: asked[phase] ?? null,
    }),
    window: new KeptSamples(),
    next: from,
  };
  opened.set(phase, stream);
  if (isEntered) used = await passOverUsed(stream, position);
  return stream;
}

function nextOf({ partitions }: TopicPosition): ReadonlyMap<number, number> {
  return new Map(partitions.map(({ partition, next }) => [partition, next]));
}

/** Reads up to the last record that a shuffle has brought forward before the position: those are used, and lie in the window that follows. */
async function passOverUsed(stream: OpenStream, { partitions }: TopicPosition): Promise<ItemRecords> {
  const numUsed = partitions.flatMap(({ ahead = [] }) => ahead).reduce((sum, [from, to]) => sum + to - from, 0);
  const records = new Float64Array(3 * numUsed);
  const isUsed = ({ partition, offset }: NonNullable<StreamSample["record"]>) =>
    partitions.find((each) => each.partition === partition)?.ahead?.some(([from, to]) => from <= offset && offset < to);
  for (let at = 0; at < records.length; ) {
    const index = stream.next;
    const sample = takeNow(stream, index) ?? (await take(stream, index));
    if (!isUsed(sample.record!)) {
      stream.window.keep(sample);
      continue;
    }
    records.set([index, sample.record!.partition, sample.record!.offset], at);
    at += 3;
  }
  return records;
}

/** The sample, if nothing has to be waited for, valid until the next one; those before it wait in the window. */
function takeNow(stream: OpenStream, index: number): StreamSample | null {
  while (stream.next <= index) {
    const sample = stream.samples.take();
    if (sample === null) return null;
    stream.next = sample.index + 1;
    // Its turn has come at once.
    if (sample.index === index) return sample;
    stream.window.keep(sample);
  }
  return stream.window.take(index);
}

/** Pulls until the sample is there. */
async function take(stream: OpenStream, index: number): Promise<StreamSample> {
  for (;;) {
    const sample = takeNow(stream, index);
    if (sample !== null) return sample;
    if (!(await stream.samples.fill())) throw new Error(`the stream ended before sample ${index}`);
  }
}
