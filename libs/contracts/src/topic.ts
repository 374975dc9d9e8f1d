import { z } from "zod";

/** Offsets of a topic's partitions, as numbers: 2^53 records are more than a partition ever has. */
const offset = z.int().min(0);

/** The offsets from .. to - 1 of a partition. */
export const topicRangeSchema = z.strictObject({
  partition: z.int().min(0),
  from: offset,
  to: offset,
  /** Of a window: where the first window began. */
  start: offset.optional(),
});
export type TopicRange = Readonly<z.infer<typeof topicRangeSchema>>;

/** What a run reads of a topic: decided once, before anything of it is read. */
export const topicBoundsSchema = z.strictObject({
  topic: z.string(),
  /** Of the broker: a topic that was deleted and made again has another. */
  topicId: z.string(),
  ranges: z.array(topicRangeSchema),
  /** Samples in the ranges: offsets that hold none (compacted, aborted, markers of transactions) are not counted. */
  numSamples: z.int().min(0),
  /** Of a topic that is trained in windows: which of them this is, from 0; -1 before the first. */
  window: z.int().min(-1).optional(),
});
export type TopicBounds = Readonly<z.infer<typeof topicBoundsSchema>>;

/** Where a partition stands: the offsets before `next` were trained, and those in `ahead`, which a shuffle brought forward. */
export const partitionPositionSchema = z.strictObject({
  partition: z.int().min(0),
  /** The first that this pass reads, and the first after its last. */
  from: offset,
  to: offset,
  next: offset,
  ahead: z.array(z.tuple([offset, offset])).optional(),
  /** Of a topic that is trained in windows, each once: where the first began. All from there to `next` were trained. */
  start: offset.optional(),
});
export type PartitionPosition = Readonly<z.infer<typeof partitionPositionSchema>>;

/** Which records of a topic the weights of a checkpoint were trained on. */
export const topicPositionSchema = z.strictObject({
  topic: z.string(),
  topicId: z.string(),
  /** Passes over the ranges that are complete; of a topic in windows, windows. */
  pass: z.int().min(0),
  /** Samples of this pass before `next` of all partitions together. */
  index: z.int().min(0),
  partitions: z.array(partitionPositionSchema),
});
export type TopicPosition = Readonly<z.infer<typeof topicPositionSchema>>;

/** A topic that is trained in windows, one after another for as long as the run goes on. */
export interface TopicWindows {
  /** Of each window. */
  readonly numSamples: number;
  /** Of each, the first so many are evaluated before the window is trained; 0 for none. */
  readonly numEvaluated: number;
}

/** The window that a position is in the middle of; null between two windows, and for a topic that has none. */
export function windowInProgress(position: TopicPosition, { numSamples }: TopicWindows): TopicBounds | null {
  const { topic, topicId, pass, partitions } = position;
  if (partitions.every(({ next, to, ahead }) => next === to && ahead === undefined)) return null;
  const ranges = partitions.map(({ partition, from, to, start }) => ({
    partition,
    from,
    to,
    ...(start !== undefined && { start }),
  }));
  return { topic, topicId, ranges, numSamples, window: pass };
}
