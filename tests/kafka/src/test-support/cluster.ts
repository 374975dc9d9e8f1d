import { randomUUID } from "node:crypto";
import { Broker, type BrokerOptions } from "@anneal/provision";
import { waitFor } from "@anneal/testing";
import { Admin, Consumer, Producer } from "@platformatic/kafka";

export interface WrittenRecord {
  readonly partition: number;
  readonly value: string | Uint8Array | null;
  readonly key?: string;
  /** Milliseconds since 1970. */
  readonly timestamp?: number;
}

/** A real broker, and what tests do to it besides reading: topics are made, written to, cut off, deleted. */
export class Cluster implements AsyncDisposable {
  readonly broker: Broker;
  readonly #clients = new Set<Admin | Consumer | Producer>();

  private constructor(broker: Broker) {
    this.broker = broker;
  }

  static async start(options: BrokerOptions = {}): Promise<Cluster> {
    return new Cluster(await Broker.start(options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closeClients();
    await this.broker[Symbol.asyncDispose]();
  }

  get connection() {
    return { brokers: [this.broker.address] };
  }

  async createTopic(topic: string, partitions: number, configs: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.#admin().createTopics({
      topics: [topic],
      partitions,
      replicas: 1,
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    });
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#admin().deleteTopics({ topics: [topic] });
  }

  async addPartitions(topic: string, count: number): Promise<void> {
    await this.#admin().createPartitions({ topics: [{ name: topic, count, assignments: null }] });
  }

  /** The records of a partition before an offset are gone. */
  async expire(topic: string, partition: number, offset: number): Promise<void> {
    const partitions = [{ partition, offset: BigInt(offset) }];
    await this.#admin().deleteRecords({ topics: [{ name: topic, partitions }] });
  }

  /** The offsets that are kept for a group, by partition. */
  async groupOffsets(group: string): Promise<readonly number[]> {
    const [found] = await this.#admin().listConsumerGroupOffsets({ groups: [group] });
    const partitions = (found?.topics ?? []).flatMap((topic) => topic.partitions);
    return partitions
      .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
      .map(({ committedOffset }) => Number(committedOffset));
  }

  async write(topic: string, records: readonly WrittenRecord[]): Promise<void> {
    // A topic that was just made may have a partition without a leader, and what is sent again must not be there twice.
    const producer = this.#open(new Producer({ ...this.#options, idempotent: true }));
    for (const messages of messagesOf(topic, records)) await producer.send({ messages, acks: -1 });
  }

  /** Writes records in a transaction, and commits or aborts it: either takes an offset of each partition. */
  async writeInTransaction(topic: string, records: readonly WrittenRecord[], end: "commit" | "abort"): Promise<void> {
    const producer = this.#open(new Producer({ ...this.#options, transactionalId: randomUUID(), idempotent: true }));
    const transaction = await producer.beginTransaction();
    for (const messages of messagesOf(topic, records)) await transaction.send({ messages, acks: -1 });
    await transaction[end]();
    await this.#untilSettled(topic);
  }

  /** The end of a transaction is answered before its markers are in all partitions: until then nobody reads on. */
  async #untilSettled(topic: string): Promise<void> {
    const consumer = this.#open(new Consumer({ ...this.#options, groupId: "tests" }));
    const ends = async (isolationLevel: number) =>
      String((await consumer.listOffsets({ topics: [topic], isolationLevel })).get(topic));
    await waitFor(async () => (await ends(1)) === (await ends(0)), { what: "the markers of a transaction" });
  }

  get #options() {
    return { clientId: "tests", bootstrapBrokers: [this.broker.innerAddress], retries: 20, retryDelay: 100 };
  }

  #admin(): Admin {
    return this.#open(new Admin(this.#options));
  }

  #open<T extends Admin | Consumer | Producer>(client: T): T {
    this.#clients.add(client);
    return client;
  }

  async #closeClients(): Promise<void> {
    for (const client of this.#clients) await client.close().catch(() => {});
    this.#clients.clear();
  }
}

/** A broker takes a mebibyte at a time. */
const maxBytes = 500_000;

function messagesOf(topic: string, records: readonly WrittenRecord[]) {
  const perSend = Math.max(1, Math.floor(maxBytes / Math.max(1, ...records.map(({ value }) => value?.length ?? 0))));
  const parts = Array.from({ length: Math.ceil(records.length / perSend) }, (_, part) =>
    records.slice(part * perSend, (part + 1) * perSend),
  );
  return parts.map((part) => messagesIn(topic, part));
}

function messagesIn(topic: string, records: readonly WrittenRecord[]) {
  return records.map(({ partition, value, key, timestamp }) => ({
    topic,
    partition,
    value: (value === null ? null : Buffer.from(value)) as Buffer,
    ...(key !== undefined && { key: Buffer.from(key) }),
    ...(timestamp !== undefined && { timestamp: BigInt(timestamp) }),
  }));
}
