import { Worker } from "node:worker_threads";
import type { TopicPosition } from "@anneal/contracts";
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

/** How far the training is behind the topic that it reads. */
export interface TopicFacts {
  /** Records that there are and no item has used, beyond the bounds too. */
  readonly lag: number;
  /** Why nothing is read at the moment; null while something is. */
  readonly waitsFor: string | null;
}

/** The main thread's side of the thread that pulls streams; nothing where no data is one. */
export class StreamPuller {
  readonly #plan: FeedPlan;
  readonly #stages: Stages;
  readonly #worker: Worker | null;
  /** Of training data that is a topic. */
  readonly #book: TopicBook | null = null;
  #ends: ReadonlyMap<number, number> = new Map();
  #waitsFor: string | null = null;

  /**
   * @param options.position of training data that is a topic: where `startItem` begins; null for its beginning
   * @param options.onStaged the raw samples of an item are there
   */
  constructor(options: {
    readonly plan: FeedPlan;
    readonly startItem: number;
    readonly position: TopicPosition | null;
    readonly stages: Stages;
    readonly ring: Ring;
    readonly execArgv: readonly string[] | undefined;
    readonly onStaged: (item: number) => void;
  }) {
    const { plan, stages, ring, execArgv, onStaged } = options;
    this.#plan = plan;
    this.#stages = stages;
    if (Object.keys(stages).length === 0) {
      this.#worker = null;
      return;
    }
    const bounds = plan.datasets.train === undefined ? null : (topicOf(plan.datasets.train)?.bounds ?? null);
    const position = bounds === null ? null : (options.position ?? firstPosition(bounds));
    if (bounds !== null) this.#book = new TopicBook(bounds, position!, options.startItem);
    const workerData: StreamThreadData = { plan, stages, position };
    this.#worker = new Worker(new URL("./stream-thread.ts", import.meta.url), {
      workerData,
      ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
    });
    const died = (cause: unknown) => {
      if (!ring.closed) ring.fail(threadDied(cause, null, {}));
    };
    this.#worker.on("error", died);
    this.#worker.on("exit", (code) => died(new Error(`the thread that reads the generator exited with code ${code}`)));
    this.#worker.on("message", (message: StreamMessage) => {
      if ("failure" in message) ring.fail(message.failure);
      else if ("waiting" in message) this.#waitsFor = message.waiting;
      else {
        if (message.used !== null) this.#book?.noteUsed(message.used);
        if (message.records !== null) {
          this.#book?.note(message.staged, message.records);
          this.#ends = message.ends;
        }
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
    const phase: FeedPhase = itemAt(this.#plan, item).phase;
    if (this.#stages[phase] === undefined) return false;
    this.#worker!.postMessage(item);
    return true;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }
}
