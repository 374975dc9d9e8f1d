import { AnnealError, type TopicBounds, type TopicRange } from "@anneal/contracts";
import { offsetsExpired } from "./errors.ts";
import type { TopicRecord } from "./records.ts";
import type { Moment, TopicClient } from "./topic-client.ts";
import { TopicReader } from "./topic-reader.ts";

/** Where reading begins or ends: a moment for all partitions, or an offset for each by its number. */
export type Position = Moment | { readonly offsets: Readonly<Record<string, number>> };

/** Whether a record is one of the samples. */
export type Keep = (record: TopicRecord) => boolean;

/**
 * Decides what of a topic is read: every partition that it has now, from a position to another. The records of the ranges are looked
 * through once, since offsets do not tell how many there are.
 *
 * @throws AnnealError as `TopicClient.open`; OFFSETS_EXPIRED; RECIPE_INVALID for offsets that are none
 */
export async function decideBounds(
  client: TopicClient,
  from: Position,
  to: Position,
  keep: Keep,
): Promise<TopicBounds> {
  const { topicId, leaders } = await client.describe();
  const [firsts, ends] = [await client.offsetsAt("earliest"), await client.offsetsAt("latest")];
  const starts = await offsetsOf(client, from, leaders.length, firsts);
  const stops = await offsetsOf(client, to, leaders.length, ends);
  const ranges = leaders.map((_, partition): TopicRange => {
    const [start, end] = [starts[partition]!, Math.min(stops[partition]!, ends[partition]!)];
    if (start < firsts[partition]!) throw offsetsExpired(client.topic, partition, start, firsts[partition]!);
    return { partition, from: start, to: Math.max(start, end) };
  });
  return { topic: client.topic, topicId, ranges, numSamples: await countRecords(client, { topicId, ranges }, keep) };
}

/**
 * Where the first window of a topic begins: every partition that it has now, at a position.
 *
 * @throws AnnealError as `decideBounds`
 */
export async function decideStart(client: TopicClient, from: Position, numSamples: number): Promise<TopicBounds> {
  const { topicId, leaders } = await client.describe();
  const firsts = await client.offsetsAt("earliest");
  const starts = await offsetsOf(client, from, leaders.length, firsts);
  const ranges = starts.map((start, partition): TopicRange => {
    if (start < firsts[partition]!) throw offsetsExpired(client.topic, partition, start, firsts[partition]!);
    return { partition, from: start, to: start, start };
  });
  return { topic: client.topic, topicId, ranges, numSamples, window: -1 };
}

async function offsetsOf(
  client: TopicClient,
  position: Position,
  numPartitions: number,
  otherwise: readonly number[],
): Promise<readonly number[]> {
  if (typeof position !== "object") return client.offsetsAt(position);
  const { offsets } = position;
  for (const [partition, offset] of Object.entries(offsets)) {
    const isPartition =
      Number.isInteger(Number(partition)) && Number(partition) >= 0 && Number(partition) < numPartitions;
    if (isPartition && Number.isSafeInteger(offset) && offset >= 0) continue;
    throw new AnnealError(
      "RECIPE_INVALID",
      `topic "${client.topic}": ${JSON.stringify({ [partition]: offset })} is no offset of one of its ${numPartitions} partitions`,
      `Give offsets by partitions, 0 to ${numPartitions - 1}: integers from 0.`,
      { topic: client.topic, partition, offset },
    );
  }
  return otherwise.map((other, partition) => offsets[partition] ?? other);
}

/** How many records of the ranges are samples. */
async function countRecords(
  client: TopicClient,
  ranges: Pick<TopicBounds, "topicId" | "ranges">,
  keep: Keep,
): Promise<number> {
  const reader = new TopicReader(client, ranges);
  let count = 0;
  while (await reader.fill()) {
    for (let record = reader.take(); record !== null; record = reader.take()) if (keep(record)) count += 1;
  }
  return count;
}
