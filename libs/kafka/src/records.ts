import type { Consumer, RecordsBatch } from "@platformatic/kafka";

/** One partition of a broker's answer: the library has no name for it. */
export type FetchedPartition = Awaited<ReturnType<Consumer["fetch"]>>["responses"][number]["partitions"][number];

/** A record of a partition, as a decoder sees it. */
export interface TopicRecord {
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

const isTransactional = 1 << 4;
const isControl = 1 << 5;
/** Type of a control record that ends a transaction without effect (KIP-98). */
const abortMarker = 0;

/** What one answer of the broker holds of a partition from an offset on. */
export interface Fetched {
  readonly records: readonly TopicRecord[];
  /** The offset to ask for next: beyond what was removed or means nothing to a reader. */
  readonly next: number;
}

/**
 * The records of committed transactions, and those that belong to none. The broker names the aborted transactions that overlap what it
 * sends; each holds from its first offset to its marker, in this answer or a later one (KIP-98, "aborted transactions").
 */
export function committedRecords(
  { partitionIndex: partition, records: batches, abortedTransactions }: FetchedPartition,
  from: number,
  to: number,
): Fetched {
  const waiting = [...(abortedTransactions ?? [])].sort((a, b) => Number(a.firstOffset - b.firstOffset));
  const aborted = new Set<bigint>();
  const records: TopicRecord[] = [];
  let next = from;
  for (const batch of batches ?? []) {
    const first = Number(batch.firstOffset);
    const last = first + batch.lastOffsetDelta;
    while (waiting.length > 0 && Number(waiting[0]!.firstOffset) <= last) aborted.add(waiting.shift()!.producerId);
    next = Math.max(next, last + 1);
    if ((batch.attributes & isControl) !== 0) {
      if (markerOf(batch) === abortMarker) aborted.delete(batch.producerId);
      continue;
    }
    if ((batch.attributes & isTransactional) !== 0 && aborted.has(batch.producerId)) continue;
    const firstTimestamp = Number(batch.firstTimestamp);
    for (const { offsetDelta, timestampDelta, key, value } of batch.records) {
      const offset = first + offsetDelta;
      // A batch is sent whole, from its first record on.
      if (offset < from || offset >= to) continue;
      records.push({ partition, offset, timestamp: firstTimestamp + Number(timestampDelta), key, value });
    }
  }
  return { records, next: Math.min(next, to) };
}

function markerOf(batch: RecordsBatch): number | null {
  return batch.records[0]?.key?.readInt16BE(2) ?? null;
}
