import { Admin, Producer } from "@platformatic/kafka";

export interface Written {
  readonly key?: string;
  readonly value: Uint8Array | string;
  /** By default by the key, else one after another. */
  readonly partition?: number;
}

/** Writes records to a topic, which it makes if there is none. */
export class TopicWriter implements AsyncDisposable {
  readonly #topic: string;
  readonly #numPartitions: number;
  readonly #producer: Producer;
  #numWritten = 0;

  private constructor(topic: string, numPartitions: number, producer: Producer) {
    this.#topic = topic;
    this.#numPartitions = numPartitions;
    this.#producer = producer;
  }

  static async open({
    brokers,
    topic,
    numPartitions,
  }: {
    readonly brokers: readonly string[];
    readonly topic: string;
    readonly numPartitions: number;
  }): Promise<TopicWriter> {
    const client = { clientId: "anneal-topics", bootstrapBrokers: [...brokers], retries: 20, retryDelay: 200 };
    const admin = new Admin(client);
    try {
      const topics = await admin.listTopics();
      if (!topics.includes(topic))
        await admin.createTopics({ topics: [topic], partitions: numPartitions, replicas: 1 });
      const found = await admin.metadata({ topics: [topic], forceUpdate: true });
      const { partitionsCount } = found.topics.get(topic)!;
      // What is sent again after a failure must not be there twice.
      return new TopicWriter(topic, partitionsCount, new Producer({ ...client, idempotent: true }));
    } finally {
      await admin.close();
    }
  }

  async write(records: readonly Written[]): Promise<void> {
    const messages = records.map(({ key, value, partition }) => ({
      topic: this.#topic,
      value: Buffer.from(value),
      ...(key !== undefined && { key: Buffer.from(key) }),
      ...(partition !== undefined
        ? { partition }
        : key === undefined && { partition: this.#numWritten++ % this.#numPartitions }),
    }));
    await this.#producer.send({ messages, acks: -1 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.close();
  }
}
