import { expect, test } from "vitest";
import { committedRecords, type FetchedPartition } from "./records.ts";

type Batch = NonNullable<FetchedPartition["records"]>[number];

function batch(
  firstOffset: number,
  deltas: readonly number[],
  more: Partial<Batch> & { lastDelta?: number } = {},
): Batch {
  const { lastDelta = deltas.at(-1)!, ...rest } = more;
  return {
    firstOffset: BigInt(firstOffset),
    length: 0,
    partitionLeaderEpoch: 0,
    magic: 2,
    crc: 0,
    attributes: 0,
    lastOffsetDelta: lastDelta,
    firstTimestamp: 1_000n,
    maxTimestamp: 1_000n,
    producerId: -1n,
    producerEpoch: 0,
    firstSequence: 0,
    records: deltas.map((offsetDelta) => ({
      length: 0,
      attributes: 0,
      timestampDelta: BigInt(offsetDelta),
      offsetDelta,
      key: null,
      value: Buffer.of(firstOffset + offsetDelta),
      headers: [],
    })),
    ...rest,
  };
}

const transactional = (firstOffset: number, deltas: readonly number[], producerId: bigint) =>
  batch(firstOffset, deltas, { attributes: 1 << 4, producerId });

/** Type 0 aborts, 1 commits. */
function marker(offset: number, producerId: bigint, type: 0 | 1): Batch {
  const control = batch(offset, [0], { attributes: (1 << 4) | (1 << 5), producerId });
  return { ...control, records: [{ ...control.records[0]!, key: Buffer.from([0, 0, 0, type]) }] };
}

function answer(
  records: Batch[],
  abortedTransactions: FetchedPartition["abortedTransactions"] = null,
): FetchedPartition {
  return {
    partitionIndex: 3,
    errorCode: 0,
    highWatermark: 99n,
    lastStableOffset: 99n,
    logStartOffset: 0n,
    abortedTransactions,
    preferredReadReplica: -1,
    records,
  };
}

const offsets = (partition: FetchedPartition, from: number, to = 99) => {
  const { records, next } = committedRecords(partition, from, to);
  return { offsets: records.map(({ offset }) => offset), next };
};

test("a batch that begins before is cut, a gap is passed over, nothing is given beyond the range", () => {
  const partition = answer([batch(10, [0, 1, 4], { lastDelta: 6 }), batch(20, [0, 1])]);
  expect(offsets(partition, 11)).toEqual({ offsets: [11, 14, 20, 21], next: 22 });
  expect(offsets(partition, 11, 14)).toEqual({ offsets: [11], next: 14 });
  expect(offsets(answer([batch(10, [0])]), 50)).toEqual({ offsets: [], next: 50 });
  expect(committedRecords(partition, 14, 20).records).toEqual([
    { partition: 3, offset: 14, timestamp: 1_004, key: null, value: Buffer.of(14) },
  ]);
});

test("aborted transactions are left out, also where their marker comes in a later answer, and others are not", () => {
  const partition = answer(
    [
      transactional(0, [0, 1], 7n),
      batch(2, [0]),
      marker(3, 7n, 0),
      transactional(4, [0], 7n),
      transactional(5, [0], 8n),
      marker(6, 7n, 1),
      transactional(7, [0], 7n),
    ],
    [
      { producerId: 7n, firstOffset: 7n },
      { producerId: 7n, firstOffset: 0n },
    ],
  );
  expect(offsets(partition, 0)).toEqual({ offsets: [2, 4, 5], next: 8 });
});
