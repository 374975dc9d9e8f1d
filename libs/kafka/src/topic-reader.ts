import type { TopicBounds, TopicRange } from "@anneal/contracts";
import { offsetsExpired, offsetsLost, troubleOf } from "./errors.ts";
import { PartitionOrder } from "./order.ts";
import { committedRecords, type FetchedPartition, type TopicRecord } from "./records.ts";
import type { FetchRequest, TopicClient } from "./topic-client.ts";

/** What was fetched of a range and not yet given. */
interface Buffered {
  readonly range: TopicRange;
  /** One for each answer that held records. */
  readonly chunks: (readonly TopicRecord[])[];
  /** The next record of the first chunk. */
  at: number;
  /** The offset to fetch next. */
  next: number;
}

/** Bytes that are fetched ahead, all partitions together, about. */
const bufferBytes = 8 << 20;
/** The chunk that is read, and one ahead. */
const maxChunks = 2;
const [leastPartitionBytes, mostPartitionBytes] = [64 << 10, 1 << 20];
/** Answers without news, before it is looked whether the topic is still what it was. */
const silenceLimitMs = 3_000;
/** A cluster that lost records says a lower end for good, one that restarts only at first. */
const lowEndLimitMs = 30_000;

/**
 * Reads ranges of a topic in the order of `PartitionOrder`, ahead of who takes the records, within a bound: who takes none makes it fetch
 * none.
 */
export class TopicReader {
  readonly #client: TopicClient;
  readonly #topicId: string;
  readonly #order: PartitionOrder;
  readonly #buffers: readonly Buffered[];
  readonly #partitionBytes: number;
  /** Of each partition what there is to read, as the brokers said last: beyond the range, where more was written. */
  readonly ends = new Map<number, number>();
  #fetching: Promise<void> | null = null;
  #failure: { readonly cause: unknown } | null = null;
  #lowEndSince: number | null = null;
  #progressedAt = performance.now();

  /** @param next of each range, the offset to begin at; by default its first */
  constructor(
    client: TopicClient,
    { topicId, ranges }: Pick<TopicBounds, "topicId" | "ranges">,
    next = ranges.map(({ from }) => from),
  ) {
    this.#client = client;
    this.#topicId = topicId;
    this.#order = new PartitionOrder(ranges, next);
    this.#buffers = ranges.map((range, at) => ({ range, chunks: [], at: 0, next: next[at]! }));
    const share = bufferBytes / maxChunks / Math.max(1, ranges.length);
    this.#partitionBytes = Math.min(mostPartitionBytes, Math.max(leastPartitionBytes, Math.floor(share)));
  }

  /** The next record, if it is at hand; null where `fill` has to be waited for, and at the end. */
  take(): TopicRecord | null {
    const first = this.#order.first();
    if (first < 0) return null;
    const buffer = this.#buffers[first]!;
    const record = buffer.chunks[0]?.[buffer.at];
    if (record === undefined) return null;
    buffer.at += 1;
    if (buffer.at === buffer.chunks[0]!.length) {
      buffer.chunks.shift();
      buffer.at = 0;
      this.#fetchAhead();
    }
    this.#order.moveTo(first, headOf(buffer));
    return record;
  }

  /**
   * Waits until `take` has something to give. False at the end of the ranges.
   *
   * @throws AnnealError OFFSETS_EXPIRED, DATASET_CHANGED, TOPIC_NOT_FOUND, BROKER_UNREACHABLE, BROKER_ACCESS_DENIED
   */
  async fill(): Promise<boolean> {
    for (;;) {
      const first = this.#order.first();
      if (first < 0) return false;
      if (this.#buffers[first]!.chunks.length > 0) return true;
      if (this.#failure !== null) throw this.#failure.cause;
      this.#fetchAhead();
      await this.#fetching;
    }
  }

  /** Fetches what there is room for, unless that is under way. */
  #fetchAhead(): void {
    if (this.#fetching !== null || this.#failure !== null) return;
    const wanted = this.#buffers.filter(({ chunks, next, range }) => chunks.length < maxChunks && next < range.to);
    if (wanted.length === 0) return;
    const requests = wanted.map(({ range: { partition }, next }) => ({ partition, offset: next }));
    this.#fetching = this.#fetch(requests)
      .catch((cause: unknown) => {
        this.#failure = { cause };
      })
      .finally(() => {
        this.#fetching = null;
      });
  }

  async #fetch(requests: readonly FetchRequest[]): Promise<void> {
    const wanted = { topicId: this.#topicId, partitionBytes: this.#partitionBytes };
    const before = this.#buffers.reduce((sum, { next }) => sum + next, 0);
    const answers = await this.#client.fetch(requests, wanted).catch(async (cause: unknown) => {
      if (troubleOf(cause) !== "noOffset") throw cause;
      await this.#requireOffsets(requests);
      return [];
    });
    for (const answer of answers) this.#add(answer);
    const now = performance.now();
    if (this.#buffers.reduce((sum, { next }) => sum + next, 0) > before) this.#progressedAt = now;
    if (now - this.#progressedAt < silenceLimitMs) return;
    // What lies within the ranges was there once. A broker may answer with nothing for a topic that is gone.
    await this.#client.requireSame(this.#topicId);
    await this.#requireOffsets(requests);
    this.#progressedAt = now;
  }

  #add(answer: FetchedPartition): void {
    const at = this.#buffers.findIndex(({ range }) => range.partition === answer.partitionIndex);
    const buffer = this.#buffers[at];
    if (buffer === undefined) return;
    const { range } = buffer;
    const end = Number(answer.lastStableOffset >= 0n ? answer.lastStableOffset : answer.highWatermark);
    this.ends.set(range.partition, end);
    this.#requireEnd(range, end);
    const { records, next } = committedRecords(answer, buffer.next, range.to);
    buffer.next = next;
    if (records.length > 0) buffer.chunks.push(records);
    this.#order.moveTo(at, headOf(buffer));
  }

  #requireEnd({ partition, to }: TopicRange, end: number): void {
    if (end >= to) {
      this.#lowEndSince = null;
      return;
    }
    this.#lowEndSince ??= performance.now();
    if (performance.now() - this.#lowEndSince > lowEndLimitMs)
      throw offsetsLost(this.#client.topic, partition, to, end);
  }

  /** Says which of the offsets is not there, and why; returns where all are by now. */
  async #requireOffsets(requests: readonly FetchRequest[]): Promise<void> {
    const firsts = await this.#client.offsetsAt("earliest");
    const ends = await this.#client.offsetsAt("latest");
    for (const { partition, offset } of requests) {
      const first = firsts[partition] ?? 0;
      if (offset < first) throw offsetsExpired(this.#client.topic, partition, offset, first);
      this.#requireEnd(this.#buffers.find(({ range }) => range.partition === partition)!.range, ends[partition] ?? 0);
    }
  }
}

/** The offset of the next record that is buffered; where none is, one that it is not before. */
function headOf({ chunks, at, next }: Buffered): number {
  return chunks[0]?.[at]?.offset ?? next;
}
