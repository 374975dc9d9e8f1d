import { decideBounds, TopicClient, TopicReader } from "@anneal/kafka";
import type { Cluster } from "./cluster.ts";

/**
 * Writes records `{"id": 0}`, … into three partitions of different lengths, with offsets between them that hold none. Gives the ids by
 * `partition:offset`. Each has so many bytes more that nobody needs.
 */
export async function writeCountingTopic(
  cluster: Cluster,
  topic: string,
  numRecords: number,
  paddingBytes = 0,
): Promise<ReadonlyMap<string, number>> {
  await cluster.createTopic(topic, 3);
  const padding = "x".repeat(paddingBytes);
  const record = (id: number) => ({
    partition: id % 8 < 5 ? 0 : id % 8 < 7 ? 1 : 2,
    value: JSON.stringify({ id, padding }),
  });
  const ids = Array.from({ length: numRecords }, (_, id) => record(id));
  const third = Math.floor(numRecords / 3);
  await cluster.write(topic, ids.slice(0, third));
  await cluster.writeInTransaction(topic, [record(0), record(5), record(0)], "abort");
  await cluster.writeInTransaction(topic, ids.slice(third, 2 * third), "commit");
  await cluster.write(topic, ids.slice(2 * third));
  await using client = await TopicClient.open(cluster.connection, topic, { limitMs: 10_000 });
  const reader = new TopicReader(client, await decideBounds(client, "earliest", "latest", () => true));
  const idOf = new Map<string, number>();
  while (await reader.fill()) {
    for (let read = reader.take(); read !== null; read = reader.take()) {
      const { id } = JSON.parse(Buffer.from(read.value!).toString()) as { id: number };
      idOf.set(`${read.partition}:${read.offset}`, id);
    }
  }
  return idOf;
}
