import { availableParallelism } from "node:os";
import type { AnnealError, FeedFacts, FeedSetting, TopicPosition } from "@anneal/contracts";
import { defaultSampleTimeoutMs } from "@anneal/sources";
import { Piscina } from "piscina";
import { maxNamed } from "./bad-records.ts";
import { threadDied } from "./feed-errors.ts";
import type { FeedTask, FeedTaskResult, FeedThreadData } from "./feed-thread.ts";
import { FeedTuner } from "./feed-tuner.ts";
import { HangWatch } from "./hang-watch.ts";
import { numFeedThreads } from "./num-threads.ts";
import type { FeedPlan } from "./plan.ts";
import type { Stages } from "./producer.ts";
import { createRing, maxParts, Ring, type RingHandles } from "./ring.ts";
import { readWaitStats, type WaitStats } from "./ring-reader.ts";
import { numItems } from "./schedule.ts";
import { createStages, StreamPuller, type TopicFacts } from "./stream-puller.ts";

export interface FeedOptions {
  readonly plan: FeedPlan;
  /** Where to begin in the plan's linear sequence: a checkpoint's cursor. */
  readonly startItem: number;
  /** Of training data that is a topic: where the item to begin at is; by default at the topic's beginning. */
  readonly topicPosition?: TopicPosition | null;
  /** First item that is not produced; by default the end of the plan. */
  readonly stopItem?: number;
  /** Batches that can be prepared ahead of the engine, the one in its hands included. */
  readonly numSlots: number;
  /** As many for good; by default one less than the machine's cores, within 1..4, then as many as are of use. */
  readonly numThreads?: number;
  /** Most threads that it may come to, where `numThreads` is left open; by default the machine's cores, within 1..8. */
  readonly maxThreads?: number;
  /** Samples of one task; by default a batch is divided between the threads, then as it is of use. Never changes a number. */
  readonly partSize?: number;
  /** Batches that must be ahead at least, the one in the engine's hands included; by default 2. */
  readonly minAhead?: number;
  /** How long a thread may work on one sample before it is ended, and its work given to another; a generator, before it is told. */
  readonly sampleTimeoutMs?: number;
  /** Told where the first bad samples are, each once, as they are met. */
  readonly onBadRecord?: (place: string) => void;
  /** Told what is waited for, once for each sample that a generator takes long for. */
  readonly onWaiting?: (what: string) => void;
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
  readonly facts: FeedFacts;
}

/** The producing side of a ring, on the trainer's main thread, which it never blocks. */
export interface Feed {
  /** For `new RingReader(handles)` in the engine's thread; can be posted. */
  readonly handles: RingHandles;
  start(): void;
  stats(): FeedStats;
  /** Of training data that is a topic: which records the items before this one used. Asked in the order of the items; null for other data. */
  topicPositionAt(item: number): TopicPosition | null;
  /** Of training data that is a topic: how far it is behind the topic, and what it waits for. Asked as `topicPositionAt`. */
  topicFactsAt(item: number): TopicFacts | null;
  /** The failure that ended the feed, if one did. */
  readonly failure: AnnealError | null;
  /** Ends the threads, at once. A reader that still waits gets `PREEMPTED`. */
  close(): Promise<void>;
}

/** How often a part is tried whose thread died: while it worked on the part, and before it came to it. */
const maxAttempts = { begun: 3, notBegun: 10 } as const;
const minPartSize = 16;
/** A thread that nobody needs ends after so long. */
const idleThreadMs = 10_000;

/** Opens a feed; its threads start at once, the work with `start`. */
export function openFeed(options: FeedOptions): Feed {
  const { plan, startItem, numSlots, execArgv } = options;
  const { seed, batchSize, epochs, phases, shuffle } = plan;
  const handles = createRing({
    schedule: { seed, batchSize, epochs, phases, shuffle },
    inputs: plan.inputs,
    labels: plan.labels,
    numSlots,
    startItem,
    stopItem: Math.min(options.stopItem ?? Number.POSITIVE_INFINITY, numItems(plan)),
  });
  const numThreads = options.numThreads ?? numFeedThreads();
  const most = options.maxThreads ?? Math.min(8, availableParallelism());
  const maxThreads = options.numThreads ?? Math.max(numThreads, most);
  const stages = createStages(plan, numSlots);
  const threadData: FeedThreadData = { plan, handles, stages };
  const pool = new Piscina<FeedTask, FeedTaskResult>({
    filename: new URL("./feed-thread.ts", import.meta.url).href,
    minThreads: numThreads,
    maxThreads,
    idleTimeout: idleThreadMs,
    // The next task waits in the thread, so that it need not wait for this one.
    concurrentTasksPerWorker: 2,
    workerData: threadData,
    ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
  });
  const smallestPart = Math.ceil(batchSize / maxParts);
  const even = Math.max(minPartSize, Math.ceil(batchSize / numThreads));
  const setting: FeedSetting = {
    numThreads,
    partSize: Math.max(options.partSize ?? even, smallestPart),
    batchesAhead: numSlots,
  };
  const limits = {
    batchSize,
    maxThreads,
    minPartSize: smallestPart,
    maxAhead: numSlots,
    minAhead: Math.min(numSlots, options.minAhead ?? 2),
  };
  const sampleTimeoutMs = options.sampleTimeoutMs ?? defaultSampleTimeoutMs;
  const tuner = new FeedTuner(handles, setting, limits);
  const { onBadRecord = null, onWaiting, topicPosition = null } = options;
  const telling = { onBadRecord, onWaiting };
  return new PoolFeed({ plan, handles, pool, stages, execArgv, tuner, sampleTimeoutMs, topicPosition, ...telling });
}

interface FeedParts {
  readonly plan: FeedPlan;
  readonly handles: RingHandles;
  readonly pool: Piscina<FeedTask, FeedTaskResult>;
  readonly stages: Stages;
  readonly execArgv: readonly string[] | undefined;
  readonly tuner: FeedTuner;
  readonly sampleTimeoutMs: number;
  readonly onBadRecord: ((place: string) => void) | null;
  readonly topicPosition: TopicPosition | null;
  readonly onWaiting: ((what: string) => void) | undefined;
}

class PoolFeed implements Feed {
  readonly handles: RingHandles;
  readonly #ring: Ring;
  readonly #pool: Piscina<FeedTask, FeedTaskResult>;
  readonly #tuner: FeedTuner;
  readonly #hangs: HangWatch;
  readonly #streams: StreamPuller;
  readonly #onBadRecord: FeedParts["onBadRecord"];
  readonly #threads = new Map<number, { numSamples: number; busyMs: number }>();
  readonly #badPlaces = new Set<string>();
  /** Parts of items that have a slot, in order: handed out as threads become free. */
  readonly #waiting: FeedTask[] = [];
  #numRunning = 0;
  #numThreadDeaths = 0;
  #startedAt = 0;
  #timers: readonly NodeJS.Timeout[] = [];
  #dispatching: Promise<void> | null = null;

  constructor(parts: FeedParts) {
    const { plan, handles, pool, stages, execArgv, tuner, sampleTimeoutMs, onWaiting, topicPosition } = parts;
    this.#onBadRecord = parts.onBadRecord;
    this.handles = handles;
    this.#ring = new Ring(handles);
    this.#pool = pool;
    this.#tuner = tuner;
    const onStaged = (item: number) => this.#queue(item);
    const watched = { plan, ring: this.#ring, sampleTimeoutMs };
    this.#streams = new StreamPuller({
      ...watched,
      startItem: handles.startItem,
      position: topicPosition,
      stages,
      execArgv,
      onStaged,
      onWaiting,
    });
    this.#hangs = new HangWatch({ ...watched, pool });
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
    const every = (ms: number, work: () => void) => setInterval(work, ms).unref();
    this.#timers = [
      every(this.#hangs.intervalMs, () => {
        this.#hangs.look();
        this.#streams.look();
      }),
      every(FeedTuner.intervalMs, () => {
        this.#tuner.look(this.#sums());
        this.#handOut();
      }),
    ];
  }

  stats(): FeedStats {
    const threads = [...this.#threads].map(([threadId, sums]) => ({ threadId, ...sums }));
    const { numSamples } = this.#sums();
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    return {
      numSamples,
      samplesPerSecond: seconds > 0 ? numSamples / seconds : 0,
      threads,
      numThreadDeaths: this.#numThreadDeaths,
      occupancy: this.#ring.numReady() / this.handles.numSlots,
      waits: readWaitStats(this.handles),
      badPlaces: [...this.#badPlaces],
      facts: { ...this.#tuner.facts, numThreadDeaths: this.#numThreadDeaths },
    };
  }

  topicPositionAt(item: number): TopicPosition | null {
    return this.#streams.topicPositionAt(item);
  }

  topicFactsAt(item: number): TopicFacts | null {
    return this.#streams.topicFactsAt(item);
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#ring.close();
    await Promise.all([this.#streams.close(), this.#pool.destroy()]);
    await this.#dispatching;
  }

  /** Gives each item a slot as soon as one is free, in order, until the end of the plan. */
  async #dispatch(): Promise<void> {
    const { startItem, stopItem } = this.handles;
    let item = startItem;
    while (item < stopItem && !this.#ring.closed && this.#ring.failure === null) {
      const { released } = this.#ring;
      const { batchesAhead, partSize } = this.#tuner.setting;
      if (item >= released + batchesAhead) {
        await this.#ring.untilReleased(released);
        continue;
      }
      this.#ring.assign(item, partSize);
      if (!this.#streams.pull(item)) this.#queue(item);
      item++;
    }
  }

  #queue(item: number): void {
    for (let part = 0; part < this.#ring.numPartsOf(item); part++) this.#waiting.push({ item, part });
    this.#handOut();
  }

  /** As many parts as the threads in use can work on: with all of them in use, a second one waits in each. */
  #handOut(): void {
    const { numThreads } = this.#tuner.setting;
    const atOnce = numThreads < this.#pool.threads.length ? numThreads : 2 * numThreads;
    while (this.#waiting.length > 0 && this.#numRunning < atOnce) {
      const { item, part } = this.#waiting.shift()!;
      this.#numRunning++;
      void this.#runPart(item, part).then(() => {
        this.#numRunning--;
        this.#handOut();
      });
    }
  }

  /** Runs one part to its end, again if its thread died. Never rejects. */
  async #runPart(item: number, part: number): Promise<void> {
    const numAttempts = { begun: 0, notBegun: 0 };
    using _watched = this.#hangs.watch(item, part);
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
        const progress = this.#ring.progressOf(item, part);
        const stage = progress === null ? "notBegun" : "begun";
        numAttempts[stage]++;
        if (numAttempts[stage] >= maxAttempts[stage]) {
          const sampleIndex = progress?.index ?? null;
          this.#ring.fail(threadDied(cause, sampleIndex, { item, part, numAttempts: numAttempts[stage] }));
        }
      }
    }
  }

  #count({ threadId, numSamples, busyMs, bad }: FeedTaskResult): void {
    const sums = this.#threads.get(threadId) ?? { numSamples: 0, busyMs: 0 };
    sums.numSamples += numSamples;
    sums.busyMs += busyMs;
    this.#threads.set(threadId, sums);
    this.#tuner.countPart();
    for (const place of bad) {
      if (this.#badPlaces.size >= maxNamed || this.#badPlaces.has(place)) continue;
      this.#badPlaces.add(place);
      this.#onBadRecord?.(place);
    }
  }

  /** Of all threads there were. */
  #sums(): { readonly numSamples: number; readonly busyMs: number } {
    const sums = { numSamples: 0, busyMs: 0 };
    for (const { numSamples, busyMs } of this.#threads.values()) {
      sums.numSamples += numSamples;
      sums.busyMs += busyMs;
    }
    return sums;
  }
}
