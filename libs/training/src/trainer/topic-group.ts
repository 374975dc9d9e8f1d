import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readRunRecord } from "@anneal/checkpoint";
import { type LoopState, type TopicPosition, toAnnealError } from "@anneal/contracts";
import { topicOf } from "@anneal/data";
import type { GroupOffsets } from "@anneal/kafka";
import type { Datasets } from "./setup.ts";
import { log } from "./training-feed.ts";

/** A run that is ended waits so long for its last word to be heard. */
const lastWordMs = 3_000;

/**
 * The consumer group of a run on a topic: told where the run is after each checkpoint. What it says is never asked. Of a run on other
 * data, nothing.
 */
export class TopicGroup {
  readonly #datasets: Datasets;
  readonly #run: { readonly runId: string; readonly runDirectory: string };
  #opened: Promise<GroupOffsets> | null = null;
  #waiting: TopicPosition | null = null;
  #telling: Promise<void> | null = null;

  constructor(datasets: Datasets, run: { readonly runId: string; readonly runDirectory: string }) {
    this.#datasets = datasets;
    this.#run = run;
  }

  /**
   * Takes the group for this run, whose record is written.
   *
   * @throws AnnealError GROUP_TAKEN where it is another's; BROKER_UNREACHABLE, BROKER_ACCESS_DENIED
   */
  async claim({ cursor: { topic } }: LoopState): Promise<void> {
    if (topic !== undefined) await (await this.#open()).tell(offsetsOf(topic));
  }

  /** Gives it up again, where it was taken: the run has come to nothing. */
  async release(): Promise<void> {
    if (this.#opened === null) return;
    await this.#opened.then((offsets) => offsets.release()).catch(sayFailure);
  }

  /** Tells the cluster of the state of a checkpoint that is committed; at its leisure, and the newest of several. */
  tell({ cursor: { topic } }: LoopState): void {
    if (topic === undefined) return;
    this.#waiting = topic;
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = null;
    });
  }

  async close(): Promise<void> {
    if (this.#opened === null) return;
    await Promise.race([this.#telling, delay(lastWordMs, undefined, { ref: false })]);
    await this.#opened.then((offsets) => offsets[Symbol.asyncDispose]()).catch(() => {});
  }

  async #tellAll(): Promise<void> {
    for (let position = this.#waiting; position !== null; position = this.#waiting) {
      this.#waiting = null;
      const offsets = offsetsOf(position);
      // What is not heard is told again with the next checkpoint: nobody trains by it.
      await this.#open()
        .then((group) => group.tell(offsets))
        .catch(sayFailure);
    }
  }

  #open(): Promise<GroupOffsets> {
    this.#opened ??= this.#openNow();
    // Secrets may be there the next time.
    this.#opened.catch(() => {
      this.#opened = null;
    });
    return this.#opened;
  }

  async #openNow(): Promise<GroupOffsets> {
    const { GroupOffsets } = await import("@anneal/kafka");
    const { runId, runDirectory } = this.#run;
    const { connection, bounds, group } = topicOf(this.#datasets.train)!;
    // Tells runs of one name apart, of which one was removed.
    const { createdAt } = await readRunRecord(dirname(dirname(runDirectory)), runId);
    return GroupOffsets.open(connection, {
      group: group ?? `anneal-${runId}-${createdAt.replaceAll(/[^0-9]/g, "")}`,
      topic: bounds.topic,
      owner: `${runId} of ${createdAt}`,
    });
  }
}

/** Of a run that goes over its records again, the furthest that it was. */
function offsetsOf({ pass, partitions }: TopicPosition) {
  return partitions.map(({ partition, next, to, start }) => {
    const isRead = pass > 0 && start === undefined;
    return { partition, offset: isRead ? to : next };
  });
}

function sayFailure(cause: unknown): void {
  const { code, message } = toAnnealError(cause);
  log(`the consumer group was not told where the run is: ${code}: ${message}`);
}
