import { availableParallelism } from "node:os";
import { AnnealError, type ErrorFacts, type ErrorRecord, isOutOfMemory } from "@anneal/contracts";
import { Piscina } from "piscina";
import type { FeedTask, FeedTaskResult, FeedThreadData } from "./feed-thread.ts";
import type { FeedPlan } from "./plan.ts";
import { createRing, maxParts, Ring, type RingHandles } from "./ring.ts";
import { readWaitStats, type WaitStats } from "./ring-reader.ts";
import { numItems } from "./schedule.ts";

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

/** Threads of a feed, unless it is told otherwise. */
export function numFeedThreads(): number {
  return Math.max(1, Math.min(4, availableParallelism() - 1));
}

/** Opens a feed; its threads start at once, the work with `start`. */
export function openFeed(options: FeedOptions): Feed {
  const { plan, startItem, numSlots, numThreads = numFeedThreads(), execArgv } = options;
  const { seed, batchSize, epochs, phases, shuffle } = plan;
  const handles = createRing({
    schedule: { seed, batchSize, epochs, phases, shuffle },
    inputs: plan.inputs,
    labels: plan.labels,
    numSlots,
    partSize: choosePartSize(batchSize, numThreads, options.partSize),
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
  return new PoolFeed(handles, pool);
}

function choosePartSize(batchSize: number, numThreads: number, wanted: number | undefined): number {
  const even = Math.max(minPartSize, Math.ceil(batchSize / numThreads));
  return Math.max(wanted ?? even, Math.ceil(batchSize / maxParts));
}

class PoolFeed implements Feed {
  readonly handles: RingHandles;
  readonly #ring: Ring;
  readonly #pool: Piscina<FeedTask, FeedTaskResult>;
  readonly #threads = new Map<number, { numSamples: number; busyMs: number }>();
  #numThreadDeaths = 0;
  #startedAt = 0;
  #dispatching: Promise<void> | null = null;

  constructor(handles: RingHandles, pool: Piscina<FeedTask, FeedTaskResult>) {
    this.handles = handles;
    this.#ring = new Ring(handles);
    this.#pool = pool;
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
      samplesPerSecond: this.#startedAt === 0 ? 0 : numSamples / seconds,
      threads,
      numThreadDeaths: this.#numThreadDeaths,
      occupancy: numReady / numSlots,
      waits: readWaitStats(this.handles),
    };
  }

  async close(): Promise<void> {
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
      this.#ring.assign(item);
      for (let part = 0; part < this.#ring.numPartsOf(item); part++) void this.#runPart(item, part);
      item++;
    }
  }

  /** Runs one part to its end, again if its thread died. Never rejects. */
  async #runPart(item: number, part: number): Promise<void> {
    const numAttempts = { begun: 0, notBegun: 0 };
    while (!this.#ring.closed && this.#ring.failure === null) {
      try {
        this.#count(await this.#pool.run({ item, part }));
        return;
      } catch (cause) {
        if (this.#ring.closed) return;
        this.#numThreadDeaths++;
        // It may have died after the part was done; then the slot may even hold another item by now.
        if (this.#ring.released > item || this.#ring.isPartDone(item, part)) {
          this.#ring.signal();
          return;
        }
        const sampleIndex = this.#ring.progressOf(item, part);
        const stage = sampleIndex === null ? "notBegun" : "begun";
        numAttempts[stage]++;
        if (numAttempts[stage] >= maxAttempts[stage]) {
          this.#ring.fail(threadDied(cause, sampleIndex, { item, part, numAttempts: numAttempts[stage] }));
        }
      }
    }
  }

  #count({ threadId, numSamples, busyMs }: FeedTaskResult): void {
    const sums = this.#threads.get(threadId) ?? { numSamples: 0, busyMs: 0 };
    sums.numSamples += numSamples;
    sums.busyMs += busyMs;
    this.#threads.set(threadId, sums);
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
