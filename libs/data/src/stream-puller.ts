import { Worker } from "node:worker_threads";
import type { AnnealError, TopicPosition } from "@anneal/contracts";
import { createAsked, GeneratorWatch } from "@anneal/sources";
import { threadDied } from "./feed-errors.ts";
import type { FeedPlan } from "./plan.ts";
import type { Stages } from "./producer.ts";
import type { Ring } from "./ring.ts";
import { type FeedPhase, itemAt } from "./schedule.ts";
import { createStage } from "./stage.ts";
import type { StreamMessage, StreamThreadData } from "./stream-thread.ts";
import { firstPosition, TopicBook } from "./topic-book.ts";
import { topicOf } from "./topic-of.ts";

/** Places for the raw samples of the phases whose data is a stream. */
export function createStages({ datasets, batchSize }: FeedPlan, numSlots: number): Stages {
  const staged = Object.entries(datasets).filter(([, { isStream }]) => isStream);
  return Object.fromEntries(
    staged.map(([phase, { parts }]) => {
      const { source, sourceInputs, labels } = parts[0]!;
      const place = source.kind === "stream" ? source.place : "";
      return [phase, createStage({ input: sourceInputs, labels, numSlots, batchSize, place })];
    }),
  );
}

const readsStreams = { doing: "reads the samples in their order", when: "once" } as const;

/** Three half spaces of V8, of 8 MiB each: as fast as with the usual 16, and 300 MiB less resident. */
const youngGenerationMb = 24;

/** How far the training is behind the topic that it reads. */
export interface TopicFacts {
  /** Records that there are and no item has used, beyond the bounds too. */
  readonly lag: number;
  /** Why nothing is read at the moment; null while something is. */
  readonly waitsFor: string | null;
}

interface PullerOptions {
  readonly plan: FeedPlan;
  readonly startItem: number;
  /** Of training data that is a topic: where `startItem` begins; null for its beginning. */
  readonly position: TopicPosition | null;
  readonly stages: Stages;
  readonly ring: Ring;
  readonly execArgv: readonly string[] | undefined;
  /** The raw samples of an item are there. */
  readonly onStaged: (item: number) => void;
  /** How long a generator may take for a sample before `onWaiting` is told. */
  readonly sampleTimeoutMs: number;
  readonly onWaiting: ((what: string) => void) | undefined;
}

/** The main thread's side of the thread that pulls streams; nothing where no data is one. */
export class StreamPuller {
  readonly #options: PullerOptions;
  readonly #worker: Worker | null;
  /** Of the phases whose data is a generator. */
  readonly #watches: readonly GeneratorWatch[];
  /** Of training data that is a topic. */
  readonly #book: TopicBook | null = null;
  #ends: ReadonlyMap<number, number> = new Map();
  #waitsFor: string | null = null;

  constructor(options: PullerOptions) {
    const { plan, stages, ring, execArgv, onStaged } = options;
    this.#options = options;
    const phases = Object.keys(stages) as FeedPhase[];
    const asked = Object.fromEntries(phases.map((phase) => [phase, createAsked()]));
    this.#watches = phases.flatMap((phase) => {
      const { source } = plan.datasets[phase]!.parts[0]!;
      const isGenerator = source.kind === "stream" && source.origin === "generator";
      return isGenerator ? [new GeneratorWatch(source, asked[phase]!, options)] : [];
    });
    if (phases.length === 0) {
      this.#worker = null;
      return;
    }
    const bounds = plan.datasets.train === undefined ? null : (topicOf(plan.datasets.train)?.bounds ?? null);
    const position = bounds === null ? null : (options.position ?? firstPosition(bounds));
    if (bounds !== null) this.#book = new TopicBook(bounds, position!, options.startItem);
    const workerData: StreamThreadData = { plan, stages, asked, position };
    this.#worker = new Worker(new URL("./stream-thread.ts", import.meta.url), {
      workerData,
      // Nearly all that it makes is of no use a moment later: more room would only be resident.
      resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb },
      ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
    });
    this.#worker.on("error", (cause) => this.#fail(cause, (watch) => watch.threw(cause)));
    this.#worker.on("exit", (code) => this.#fail(new Error(`exit code ${code}`), (watch) => watch.exited(code)));
    this.#worker.on("message", (message: StreamMessage) => {
      if ("failure" in message) ring.fail(message.failure);
      else if ("waiting" in message) this.#waitsFor = message.waiting;
      else {
        if (message.used !== null) this.#book?.noteUsed(message.used);
        if (message.records !== null) this.#book?.note(message.staged, message.records);
        if (message.ends !== null) this.#ends = message.ends;
        onStaged(message.staged);
      }
    });
  }

  /** Of training data that is a topic: where the items before this one end. Asked in the order of the items. */
  topicPositionAt(item: number): TopicPosition | null {
    this.#book?.advanceTo(item);
    return this.#book?.position ?? null;
  }

  /** Of training data that is a topic: records that no item before this one has used, and what is waited for. */
  topicFactsAt(item: number): TopicFacts | null {
    this.#book?.advanceTo(item);
    return this.#book && { lag: this.#book.lag(this.#ends), waitsFor: this.#waitsFor };
  }

  /** Whether an item's samples must be pulled before they can be prepared: then they are, and `onStaged` follows. */
  pull(item: number): boolean {
    const { plan, stages } = this.#options;
    const phase: FeedPhase = itemAt(plan, item).phase;
    if (stages[phase] === undefined) return false;
    this.#worker!.postMessage(item);
    return true;
  }

  /** Looks for generators that take long: they are told, and given up at last. */
  look(): void {
    for (const watch of this.#watches) {
      const failure = watch.look();
      if (failure !== null) this.#options.ring.fail(failure.toRecord());
    }
  }

  /** Fails by the generator that the thread was in; with a topic, whose records it may have been in as well, only if that is known. */
  #fail(cause: unknown, failureOf: (watch: GeneratorWatch) => AnnealError): void {
    const { ring, stages } = this.#options;
    if (ring.closed) return;
    const [first] = this.#watches.length === Object.keys(stages).length ? this.#watches : [];
    const watch = this.#watches.find(({ isAsked }) => isAsked) ?? first;
    ring.fail(watch === undefined ? threadDied(cause, null, {}, readsStreams) : failureOf(watch).toRecord());
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }
}
