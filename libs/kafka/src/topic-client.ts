import { setTimeout as delay } from "node:timers/promises";
import { AnnealError } from "@anneal/contracts";
import { Consumer, FetchIsolationLevels, ListOffsetTimestamps } from "@platformatic/kafka";
import { accessDenied, brokerUnreachable, topicNotFound, topicReplaced, troubleOf } from "./errors.ts";
import type { FetchedPartition } from "./records.ts";
import { clientOptions, type KafkaConnection } from "./settings.ts";

/** A topic as the cluster has it now. */
export interface TopicFacts {
  readonly topicId: string;
  /** Broker that leads each partition, by the partition's number; -1 while there is none. */
  readonly leaders: readonly number[];
}

/** A moment in a topic: its first record, its end, or the first record that is not older than a time (ms since 1970). */
export type Moment = "earliest" | "latest" | number;

export interface Patience {
  /** How long to ask again where nobody answers, in ms. */
  readonly limitMs: number;
  /** Told when waiting begins and, by null, when it is over. */
  readonly onWaiting?: (why: string | null) => void;
}

export interface FetchRequest {
  readonly partition: number;
  readonly offset: number;
}

const answerBytes = 8 << 20;
/** How long the broker waits for news where there are none, in ms. */
const fetchWaitMs = 500;
const firstPauseMs = 250;
const longestPauseMs = 5_000;
/** A broker that has just started, or a topic that was just made, may not be known everywhere. */
const unknownTopicLimitMs = 3_000;

/** Reads one topic of one cluster. Belongs to no consumer group: where reading begins is said each time. */
export class TopicClient implements AsyncDisposable {
  readonly topic: string;
  readonly brokers: readonly string[];
  readonly #consumer: Consumer;
  readonly #patience: Patience;
  #facts: TopicFacts | null = null;
  #isClosed = false;

  private constructor(topic: string, brokers: readonly string[], consumer: Consumer, patience: Patience) {
    this.topic = topic;
    this.brokers = brokers;
    this.#consumer = consumer;
    this.#patience = patience;
    consumer.topics.track(topic);
  }

  /**
   * Connects to a cluster and looks the topic up.
   *
   * @throws AnnealError BROKER_UNREACHABLE, BROKER_ACCESS_DENIED, TOPIC_NOT_FOUND, DATASET_NOT_FOUND (certificates)
   */
  static async open(connection: KafkaConnection, topic: string, patience: Patience): Promise<TopicClient> {
    const options = await clientOptions(connection);
    // The library asks for a group; as nobody joins it, the cluster never hears of it.
    const consumer = new Consumer({ ...options, groupId: "anneal-reader" });
    const client = new TopicClient(topic, connection.brokers, consumer, patience);
    try {
      await client.describe();
      return client;
    } catch (cause) {
      await client[Symbol.asyncDispose]();
      throw cause;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    // What cannot be said good-bye to is gone already.
    await this.#consumer.close(true).catch(() => {});
  }

  /** The topic as it is now. Throws as `open`. */
  async describe(): Promise<TopicFacts> {
    return this.#patiently(() => this.#look());
  }

  /** Throws `DATASET_CHANGED` for a topic of the same name that is another, and as `open`. */
  async requireSame(topicId: string): Promise<void> {
    const found = (await this.describe()).topicId;
    if (found !== topicId) throw topicReplaced(this.topic, topicId, found);
  }

  /** Of each partition the offset at a moment: of records that are committed. A time that is after all of them is the end. */
  async offsetsAt(moment: Moment): Promise<readonly number[]> {
    const { earliest, latest } = { earliest: ListOffsetTimestamps.EARLIEST, latest: ListOffsetTimestamps.LATEST };
    const timestamp = moment === "earliest" ? earliest : moment === "latest" ? latest : BigInt(moment);
    const listed = await this.#patiently(() =>
      this.#consumer.listOffsets({
        topics: [this.topic],
        timestamp,
        isolationLevel: FetchIsolationLevels.READ_COMMITTED,
      }),
    );
    const offsets = listed.get(this.topic)!.map(Number);
    if (offsets.every((offset) => offset >= 0)) return offsets;
    const ends = await this.offsetsAt("latest");
    return offsets.map((offset, partition) => (offset < 0 ? ends[partition]! : offset));
  }

  /**
   * What the brokers have of these partitions from these offsets on; of some of them perhaps nothing yet.
   *
   * @param wanted.topicId a topic of the same name that is another has other records at these offsets: `DATASET_CHANGED`
   * @param wanted.partitionBytes of each partition; a batch of records that is larger is sent all the same
   *
   * @throws AnnealError as `open`; whatever the library throws where an offset is not there
   */
  async fetch(
    requests: readonly FetchRequest[],
    wanted: { readonly topicId: string; readonly partitionBytes: number },
  ): Promise<readonly FetchedPartition[]> {
    return this.#patiently(async () => {
      const { topicId, partitionBytes } = wanted;
      const { topicId: found, leaders } = this.#facts ?? (await this.#look());
      if (found !== topicId) throw topicReplaced(this.topic, topicId, found);
      const byLeader = Map.groupBy(requests, ({ partition }) => leaders[partition] ?? -1);
      const answers = [...byLeader].map(([node, ofNode]) =>
        this.#consumer.fetch({
          node,
          minBytes: 1,
          maxBytes: answerBytes,
          maxWaitTime: fetchWaitMs,
          isolationLevel: FetchIsolationLevels.READ_COMMITTED,
          topics: [
            {
              topicId,
              partitions: ofNode.map(({ partition, offset }) => ({
                partition,
                currentLeaderEpoch: -1,
                fetchOffset: BigInt(offset),
                lastFetchedEpoch: -1,
                partitionMaxBytes: partitionBytes,
              })),
            },
          ],
        }),
      );
      const settled = await Promise.allSettled(answers);
      const failed = settled.find((answer) => answer.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      return settled.flatMap((answer) =>
        answer.status === "fulfilled" ? answer.value.responses.flatMap(({ partitions }) => partitions) : [],
      );
    });
  }

  async #look(): Promise<TopicFacts> {
    const metadata = await this.#consumer.metadata({ topics: [this.topic], forceUpdate: true });
    const found = metadata.topics.get(this.topic);
    if (found === undefined) throw topicNotFound(this.topic, this.brokers);
    this.#facts = { topicId: found.id, leaders: found.partitions.map(({ leader }) => leader) };
    return this.#facts;
  }

  /** Asks again while the cluster may still come back; throws what cannot be mended by waiting. */
  async #patiently<T>(ask: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    let isWaiting = false;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, 2 * pauseMs)) {
      try {
        const answer = await ask();
        if (isWaiting) this.#patience.onWaiting?.(null);
        return answer;
      } catch (cause) {
        if (cause instanceof AnnealError && cause.code !== "TOPIC_NOT_FOUND") throw cause;
        const trouble = cause instanceof AnnealError ? "noTopic" : troubleOf(cause);
        const waitedMs = performance.now() - startedAt;
        if (trouble === "denied") throw accessDenied(this.brokers, cause);
        if (trouble === "noOffset" || trouble === "unknown" || this.#isClosed) throw cause;
        if (trouble === "noTopic" && waitedMs > unknownTopicLimitMs) throw topicNotFound(this.topic, this.brokers);
        const unreachable = brokerUnreachable(this.brokers, cause, waitedMs);
        if (waitedMs + pauseMs > this.#patience.limitMs) throw unreachable;
        if (trouble === "unreachable" && !isWaiting) this.#patience.onWaiting?.(unreachable.message);
        isWaiting ||= trouble === "unreachable";
        // Who leads what may have changed.
        this.#consumer.clearMetadata();
        this.#facts = null;
        await delay(pauseMs);
      }
    }
  }
}
