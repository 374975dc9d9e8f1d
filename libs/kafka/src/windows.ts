import { setTimeout as delay } from "node:timers/promises";
import type { TopicBounds, TopicPosition, TopicRange } from "@anneal/contracts";
import type { Keep } from "./bounds.ts";
import type { TopicClient } from "./topic-client.ts";
import { TopicReader } from "./topic-reader.ts";

export interface WindowRequest {
  /** Counted from 0. */
  readonly number: number;
  /** Where the windows before have ended: each partition's `next`. */
  readonly after: TopicPosition;
  readonly numSamples: number;
  readonly keep: Keep;
  /** How long to wait for records that are not written yet, in ms. */
  readonly limitMs: number;
  readonly isStopped: () => boolean;
  /** Told, while there are too few records, how many there are. */
  readonly onShort: (numThere: number) => void;
}

const pauseMs = 500;

/**
 * Decides the next window of a topic: so many samples, taken in order from what there is behind the window before. Partitions that are new
 * begin at their beginning. Null where the time is over and there are too few.
 *
 * @throws AnnealError OFFSETS_EXPIRED, TOPIC_NOT_FOUND, DATASET_CHANGED, BROKER_UNREACHABLE, BROKER_ACCESS_DENIED
 */
export async function nextWindow(client: TopicClient, request: WindowRequest): Promise<TopicBounds | null> {
  const { number, after, numSamples, limitMs, isStopped, onShort } = request;
  const deadline = performance.now() + limitMs;
  await client.requireSame(after.topicId);
  for (let seen = ""; ; ) {
    const ranges = await rangesNow(client, after);
    // What was too little is looked through again when there is more.
    const now = JSON.stringify(ranges);
    if (now !== seen) {
      const { taken, count } = await take(client, { topicId: after.topicId, ranges }, request);
      if (count === numSamples)
        return { topic: after.topic, topicId: after.topicId, ranges: taken, numSamples, window: number };
      onShort(count);
    }
    seen = now;
    if (isStopped() || performance.now() > deadline) return null;
    await delay(pauseMs);
  }
}

/** From where the windows before have ended to where each partition ends now. */
async function rangesNow(client: TopicClient, { partitions }: TopicPosition): Promise<TopicRange[]> {
  const [firsts, ends] = [await client.offsetsAt("earliest"), await client.offsetsAt("latest")];
  return ends.map((end, partition) => {
    const known = partitions.find((each) => each.partition === partition);
    const from = known?.next ?? firsts[partition]!;
    return { partition, from, to: Math.max(from, end), start: known?.start ?? from };
  });
}

/** The ranges cut behind the last of the samples that are taken. */
async function take(
  client: TopicClient,
  { topicId, ranges }: Pick<TopicBounds, "topicId" | "ranges">,
  { keep, numSamples }: WindowRequest,
): Promise<{ readonly taken: TopicBounds["ranges"]; readonly count: number }> {
  const reader = new TopicReader(client, { topicId, ranges });
  const ends = ranges.map(({ from }) => from);
  let count = 0;
  while (count < numSamples && (await reader.fill())) {
    for (let record = reader.take(); record !== null; record = reader.take()) {
      ends[record.partition] = record.offset + 1;
      if (keep(record)) count += 1;
      if (count === numSamples) break;
    }
  }
  return { taken: ranges.map((range, partition) => ({ ...range, to: ends[partition]! })), count };
}
