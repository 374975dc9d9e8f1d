import { AnnealError, type ErrorFacts, type ErrorRecord, isOutOfMemory } from "@anneal/contracts";
import { createReader } from "@anneal/sources";
import { Piscina } from "piscina";
import { maxNamed } from "./bad-records.ts";
import type { FeedTask, FeedTaskResult, FeedThreadData } from "./feed-thread.ts";
import { numFeedThreads } from "./num-threads.ts";
import type { FeedPlan } from "./plan.ts";
import { createRing, maxParts, type PartProgress, Ring, type RingHandles } from "./ring.ts";
import { readWaitStats, type WaitStats } from "./ring-reader.ts";
import { itemAt, numItems } from "./schedule.ts";

export interface FeedOptions {
  readonly plan: FeedPlan;
  /** Where to begin in the plan's linear sequence: a checkpoint's cursor. */
  readonly startItem: number;
  /** First item that is not produced; by default the end of the plan. */
  readonly stopItem?: number;
  /** Batches that can be prepared ahead of the engine, the one in its hands included. */
  readonly numSlots: number;
  /** By default one less than the machine's cores, within 1..4. */
  readonly numThreads?: number;
  /** Samples of one task; by default a batch is divided between the threads. Never changes a number. */
  readonly partSize?: number;
  /** How long a thread may work on one sample before it is ended, and its work given to another. */
  readonly sampleTimeoutMs?: number;
  /** Node's options for the threads, e.g. the hook that resolves `anneal`; by default those of this process. */
  readonly execArgv?: readonly string[];
}

export interface FeedStats {
  readonly numSamples: number;
  /** Since `start`. */
  readonly samplesPerSecond: number;
  readonly threads: readonly { readonly threadId: number; readonly numSamples: number; readonly busyMs: number }[];
  readonly numThreadDeaths: number;
  /** Share (0..1) of the slots that hold a batch that is ready. */
  readonly occupancy: number;
  readonly waits: WaitStats;
  /** Where the first bad samples are that were replaced. */
  readonly badPlaces: readonly string[];
}

/** The producing side of a ring, on the trainer's main thread, which it never blocks. */
export interface Feed {
  /** For `new RingReader(handles)` in the engine's thread; can be posted. */
  readonly handles: RingHandles;
  start(): void;
  stats(): FeedStats;
  /** The failure that ended the feed, if one did. */
  readonly failure: AnnealError | null;
  /** Ends the threads, at once. A reader that still waits gets `PREEMPTED`. */
  close(): Promise<void>;
}

/** How often a part is tried whose thread died: while it worked on the part, and before it came to it. */
const maxAttempts = { begun: 3, notBegun: 10 } as const;
const minPartSize = 16;
const defaultSampleTimeoutMs = 30_000;
/** Samples are read many at once: so many of them in the time of one. */
const readTogether = 8;

/** Opens a feed; its threads start at once, the work with `start`. */
export function openFeed(options: FeedOptions): Feed {
  const { plan, startItem, numSlots, numThreads = numFeedThreads(), execArgv } = options;
  const { seed, batchSize, epochs, phases, shuffle } = plan;
  const handles = createRing({
    schedule: { seed, batchSize, epochs, phases, shuffle },
    inputs: plan.inputs,
    labels: plan.labels,
    numSlots,
    startItem,
    stopItem: Math.min(options.stopItem ?? Number.POSITIVE_INFINITY, numItems(plan)),
  });
  const threadData: FeedThreadData = { plan, handles };
  const pool = new Piscina<FeedTask, FeedTaskResult>({
    filename: new URL("./feed-thread.ts", import.meta.url).href,
    minThreads: numThreads,
    maxThreads: numThreads,
    // The next task waits in the thread, so that it need not wait for this one.
    concurrentTasksPerWorker: 2,
    workerData: threadData,
    ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
  });
  const partSize = choosePartSize(batchSize, numThreads, options.partSize);
  return new PoolFeed(plan, handles, pool, partSize, options.sampleTimeoutMs ?? defaultSampleTimeoutMs);
}

function choosePartSize(batchSize: number, numThreads: number, wanted: number | undefined): number {
  const even = Math.max(minPartSize, Math.ceil(batchSize / numThreads));
  return Math.max(wanted ?? even, Math.ceil(batchSize / maxParts));
}

/** A part that a thread works on: what was seen of it last, and when that changed. */
interface WatchedPart {
  readonly item: number;
  readonly part: number;
  seen: string;
  sinceMs: number;
}

class PoolFeed implements Feed {
  readonly handles: RingHandles;
  readonly #plan: FeedPlan;
  readonly #ring: Ring;
  readonly #pool: Piscina<FeedTask, FeedTaskResult>;
  readonly #partSize: number;
  readonly #sampleTimeoutMs: number;
  readonly #threads = new Map<number, { numSamples: number; busyMs: number }>();
  readonly #working = new Set<WatchedPart>();
  /** Samples that a thread hung in: the second time is the last. */
  readonly #hung = new Set<string>();
  readonly #badPlaces = new Set<string>();
  #numThreadDeaths = 0;
  #startedAt = 0;
  #watch: NodeJS.Timeout | null = null;
  #dispatching: Promise<void> | null = null;

  constructor(
    plan: FeedPlan,
    handles: RingHandles,
    pool: Piscina<FeedTask, FeedTaskResult>,
    partSize: number,
    sampleTimeoutMs: number,
  ) {
    this.handles = handles;
    this.#plan = plan;
    this.#ring = new Ring(handles);
    this.#pool = pool;
    this.#partSize = partSize;
    this.#sampleTimeoutMs = sampleTimeoutMs;
    // A thread that dies between two tasks is replaced. The pool gives up, without a word to those who wait, when a
    // replacement dies before it is up; then there is no thread left.
    pool.on("error", () => {});
    pool.on("workerDestroy", () => queueMicrotask(() => this.#requireThreads()));
  }

  #requireThreads(): void {
    if (this.#pool.threads.length > 0 || this.#ring.closed) return;
    this.#ring.fail(threadDied(new Error("no thread could be started"), null, {}));
  }

  get failure(): AnnealError | null {
    return this.#ring.failure;
  }

  start(): void {
    if (this.#dispatching !== null) return;
    this.#startedAt = performance.now();
    this.#dispatching = this.#dispatch();
    this.#watch = setInterval(() => this.#endHung(), Math.min(1_000, this.#sampleTimeoutMs / 4)).unref();
  }

  stats(): FeedStats {
    const threads = [...this.#threads].map(([threadId, sums]) => ({ threadId, ...sums }));
    const numSamples = threads.reduce((sum, thread) => sum + thread.numSamples, 0);
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    const { released } = this.#ring;
    const { numSlots, stopItem } = this.handles;
    let numReady = 0;
    for (let item = released; item < Math.min(released + numSlots, stopItem); item++) {
      if (this.#ring.isReady(item)) numReady++;
    }
    return {
      numSamples,
      samplesPerSecond: seconds > 0 ? numSamples / seconds : 0,
      threads,
      numThreadDeaths: this.#numThreadDeaths,
      occupancy: numReady / numSlots,
      waits: readWaitStats(this.handles),
      badPlaces: [...this.#badPlaces],
    };
  }

  async close(): Promise<void> {
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#ring.close();
    await this.#pool.destroy();
    await this.#dispatching;
  }

  /** Hands out the parts of each item as soon as its slot is free, in order, until the end of the plan. */
  async #dispatch(): Promise<void> {
    const { startItem, stopItem, numSlots } = this.handles;
    let item = startItem;
    while (item < stopItem && !this.#ring.closed && this.#ring.failure === null) {
      const { released } = this.#ring;
      if (item >= released + numSlots) {
        await this.#ring.untilReleased(released);
        continue;
      }
      this.#ring.assign(item, this.#partSize);
      for (let part = 0; part < this.#ring.numPartsOf(item); part++) void this.#runPart(item, part);
      item++;
    }
  }

  /** Runs one part to its end, again if its thread died. Never rejects. */
  async #runPart(item: number, part: number): Promise<void> {
    const numAttempts = { begun: 0, notBegun: 0 };
    const watched: WatchedPart = { item, part, seen: "", sinceMs: performance.now() };
    this.#working.add(watched);
    while (!this.#ring.closed && this.#ring.failure === null) {
      try {
        this.#count(await this.#pool.run({ item, part }));
        break;
      } catch (cause) {
        if (this.#ring.closed) break;
        this.#numThreadDeaths++;
        // It may have died after the part was done; then the slot may even hold another item by now.
        if (this.#ring.released > item || this.#ring.isPartDone(item, part)) {
          this.#ring.signal();
          break;
        }
        const progress = this.#ring.progressOf(item, part);
        const stage = progress === null ? "notBegun" : "begun";
        numAttempts[stage]++;
        if (numAttempts[stage] >= maxAttempts[stage]) {
          const sampleIndex = progress?.index ?? null;
          this.#ring.fail(threadDied(cause, sampleIndex, { item, part, numAttempts: numAttempts[stage] }));
        }
      }
    }
    this.#working.delete(watched);
  }

  /** Ends threads that have worked on one sample for too long. Their parts are done again by others. */
  #endHung(): void {
    const now = performance.now();
    for (const watched of this.#working) {
      const { item, part } = watched;
      const progress = this.#ring.progressOf(item, part);
      if (progress === null || this.#ring.isPartDone(item, part)) continue;
      const seen = `${progress.threadId}/${progress.index}/${progress.numBegun}`;
      if (seen !== watched.seen) {
        watched.seen = seen;
        watched.sinceMs = now;
        continue;
      }
      const together = progress.numBegun > 0 ? 1 : Math.ceil(this.#ring.partSizeOf(item) / readTogether);
      if (now - watched.sinceMs < this.#sampleTimeoutMs * together) continue;
      // One part at a time: the thread's other one has done nothing wrong.
      watched.sinceMs = now;
      this.#endThread(item, progress);
      return;
    }
  }

  #endThread(item: number, progress: PartProgress): void {
    const { phase } = itemAt(this.handles.schedule, item);
    const sample = `${phase}/${progress.source}/${progress.index}`;
    if (this.#hung.has(sample)) {
      const { source } = this.#plan.datasets[phase]!.parts[progress.source]!;
      const place = createReader(source).placeOf(progress.index);
      this.#ring.fail(transformHung(progress.index, place, this.#sampleTimeoutMs));
    }
    this.#hung.add(sample);
    const worker = this.#pool.threads.find(({ threadId }) => threadId === progress.threadId);
    void worker?.terminate();
  }

  #count({ threadId, numSamples, busyMs, bad }: FeedTaskResult): void {
    const sums = this.#threads.get(threadId) ?? { numSamples: 0, busyMs: 0 };
    sums.numSamples += numSamples;
    sums.busyMs += busyMs;
    this.#threads.set(threadId, sums);
    for (const place of bad) if (this.#badPlaces.size < maxNamed) this.#badPlaces.add(place);
  }
}

/** A thread that dies in a sample dies of the recipe; one that dies before its first, of the machine or its memory. */
function threadDied(cause: unknown, sampleIndex: number | null, facts: ErrorFacts): ErrorRecord {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const notBegun = isOutOfMemory(cause) ? "OUT_OF_MEMORY" : "TRAINER_CRASHED";
  const [code, remedy] =
    sampleIndex === null
      ? ([notBegun, "Look at the trainer's log; the run goes on from its last checkpoint."] as const)
      : (["TRANSFORM_FAILED", "Look for process.exit or too much memory in the recipe's transforms."] as const);
  const message = `A thread that prepares batches died again and again: ${reason}`;
  return new AnnealError(code, message, remedy, { ...facts, sampleIndex, cause: reason }).toRecord();
}

function transformHung(sampleIndex: number, place: string, timeoutMs: number): ErrorRecord {
  return new AnnealError(
    "TRANSFORM_HUNG",
    `Preparing ${place} took longer than ${timeoutMs / 1_000} s, twice`,
    "Look for an endless loop in the recipe's transforms, or for a file on a disk that does not answer.",
    { sampleIndex, place, timeoutMs },
  ).toRecord();
}
