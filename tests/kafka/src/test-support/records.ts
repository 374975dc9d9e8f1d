import type { TopicReader } from "@anneal/kafka";
import type { WrittenRecord } from "./cluster.ts";

/** What is read, `partition:offset=value`. */
export async function readAll(reader: TopicReader): Promise<string[]> {
  const read: string[] = [];
  while (await reader.fill()) {
    for (let record = reader.take(); record !== null; record = reader.take()) {
      read.push(`${record.partition}:${record.offset}=${Buffer.from(record.value ?? []).toString()}`);
    }
  }
  return read;
}

/** So many records in a partition, each with its place as its value. */
export function numbered(partition: number, count: number, first = 0): readonly WrittenRecord[] {
  return Array.from({ length: count }, (_, i) => ({ partition, value: `${partition}/${first + i}` }));
}
