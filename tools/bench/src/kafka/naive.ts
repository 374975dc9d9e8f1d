import { Consumer } from "@platformatic/kafka";
import { createTraining } from "./engine.ts";
import { expand } from "./preprocess.ts";
import { batchSize, type KafkaOrder } from "./protocol.ts";

/** The loop as one writes it first: messages one after another, from the beginning of the topic. */
async function* messagesOf({ broker, topic, numRecords }: KafkaOrder): AsyncGenerator<Buffer> {
  const consumer = new Consumer({ clientId: "bench", groupId: `bench-${process.pid}`, bootstrapBrokers: [broker] });
  const stream = await consumer.consume({ topics: [topic], mode: "earliest", autocommit: false, maxBytes: 8 << 20 });
  let count = 0;
  for await (const { value } of stream) {
    yield value!;
    count += 1;
    if (count === numRecords) break;
  }
  await consumer.close(true);
}

export async function consumeBare(order: KafkaOrder): Promise<number> {
  let count = 0;
  const consumer = new Consumer({
    clientId: "bench",
    groupId: `bench-${process.pid}`,
    bootstrapBrokers: [order.broker],
  });
  const stream = await consumer.consume({
    topics: [order.topic],
    mode: "earliest",
    autocommit: false,
    maxBytes: 8 << 20,
  });
  for await (const _ of stream) {
    count += 1;
    if (count === order.numRecords) break;
  }
  await consumer.close(true);
  return count;
}

/** Each record is decoded and its features are computed; when there are enough, the engine makes a step: in turn, in one thread. */
export function prepareNaive(order: KafkaOrder): () => Promise<number> {
  const train = createTraining(order.numRecords);
  return async () => {
    const inputs = new Float32Array(batchSize * 256);
    const labels = new Int32Array(batchSize);
    const record = new Float32Array(16);
    let [filled, count] = [0, 0];
    const step = () => {
      train({ numSamples: filled, inputs: inputs.subarray(0, filled * 256), labels: labels.subarray(0, filled) });
      count += filled;
      filled = 0;
    };
    for await (const value of messagesOf(order)) {
      for (let i = 0; i < 16; i += 1) record[i] = value.readFloatLE(4 * i);
      labels[filled] = value.readInt32LE(64);
      expand(record, inputs.subarray(filled * 256, (filled + 1) * 256));
      filled += 1;
      if (filled === batchSize) step();
    }
    if (filled > 0) step();
    return count;
  };
}
