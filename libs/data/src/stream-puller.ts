import { Worker } from "node:worker_threads";
import { threadDied } from "./feed-errors.ts";
import type { FeedPlan } from "./plan.ts";
import type { Stages } from "./producer.ts";
import type { Ring } from "./ring.ts";
import { type FeedPhase, itemAt } from "./schedule.ts";
import { createStage } from "./stage.ts";
import type { StreamMessage, StreamThreadData } from "./stream-thread.ts";

/** Places for the raw samples of the phases whose data is a stream. */
export function createStages({ datasets, batchSize }: FeedPlan, numSlots: number): Stages {
  const staged = Object.entries(datasets).filter(([, { isStream }]) => isStream);
  return Object.fromEntries(
    staged.map(([phase, { parts }]) => {
      const { source, sourceInputs, labels } = parts[0]!;
      const place = source.kind === "stream" ? source.module : "";
      return [phase, createStage({ input: sourceInputs, labels, numSlots, batchSize, place })];
    }),
  );
}

/** The main thread's side of the thread that pulls streams; nothing where no data is one. */
export class StreamPuller {
  readonly #plan: FeedPlan;
  readonly #stages: Stages;
  readonly #worker: Worker | null;

  /** @param onStaged the raw samples of an item are there */
  constructor(options: {
    readonly plan: FeedPlan;
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
    const workerData: StreamThreadData = { plan, stages };
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
      else onStaged(message.staged);
    });
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
