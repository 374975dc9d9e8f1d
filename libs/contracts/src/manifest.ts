import { z } from "zod";
import { fingerprintSchema } from "./fingerprint.ts";
import { policySchema } from "./policy.ts";
import { jsonSchema } from "./run.ts";
import { topicPositionSchema } from "./topic.ts";
import {
  badRecordsSchema,
  bestSchema,
  correctionsSchema,
  epochRecordSchema,
  lossScaleSchema,
  metricDirections,
  metricsSchema,
  rungMoveSchema,
} from "./training.ts";

/** Sums over the samples seen so far in the epoch: resumed exactly, since JSON round-trips float64. */
export const accumulatorSchema = z.strictObject({ numSamples: z.int().min(0), sums: metricsSchema });
export type Accumulator = z.infer<typeof accumulatorSchema>;

/** The loop's state beside the tensors. */
export const loopStateSchema = z.strictObject({
  /** Steps completed. */
  step: z.int().min(0),
  /** Epochs completed, their validation included. */
  epoch: z.int().min(0),
  /** Where the feed goes on: the next item of its linear sequence. An object, since other feeds need to say more. */
  cursor: z.strictObject({
    item: z.int().min(0),
    /** Of training data that is a topic: the records that trained these weights. The broker's own account of them is never asked. */
    topic: topicPositionSchema.optional(),
  }),
  accumulator: accumulatorSchema,
  history: z.array(epochRecordSchema),
  best: bestSchema.nullable(),
  numEpochsWithoutImprovement: z.int().min(0),
  stoppedEarly: z.boolean(),
  /** Optimizer scalars by name, e.g. its own step counter. */
  optimizer: z.record(z.string(), z.number()),
  /** In force since a rollback; absent while there was none. */
  corrections: correctionsSchema.optional(),
  /** Of float16 steps; absent elsewhere. */
  lossScale: lossScaleSchema.optional(),
  /** Samples that could not be read; absent while there was none. */
  badRecords: badRecordsSchema.optional(),
  /** Moves on the memory ladder, the last one in force; absent while there was none. */
  rungMoves: z.array(rungMoveSchema).optional(),
});
export type LoopState = z.infer<typeof loopStateSchema>;

export const manifestFileSchema = z.strictObject({
  name: z.string(),
  numBytes: z.int().min(0),
  sha256: z.string().length(64),
});

/** `manifest.json` of a checkpoint, format version 1. */
export const manifestSchema = z.strictObject({
  format: z.literal("anneal-checkpoint"),
  version: z.literal(1),
  runId: z.string(),
  /** Fencing token of the attempt that wrote it. */
  attempt: z.int().min(0),
  createdAt: z.iso.datetime(),
  seed: z.int(),
  recipe: z.strictObject({ name: z.string(), digest: z.string() }),
  parameters: z.record(z.string(), jsonSchema),
  policy: policySchema,
  optimizerName: z.string(),
  fingerprint: fingerprintSchema,
  /** False once the run went on under another fingerprint. */
  exact: z.boolean(),
  /** sha256 of the repository's lock file: which packages wrote this. */
  lockfileDigest: z.string(),
  /** What is monitored, and its value at this checkpoint where known: retention keeps the best. */
  monitor: z.strictObject({
    metric: z.string(),
    direction: z.enum(metricDirections),
    value: z.number().nullable(),
  }),
  state: loopStateSchema,
  files: z.array(manifestFileSchema),
  /** sha256 over tensors and `state`; the digest by which runs are compared. */
  digest: z.string().length(64),
});
export type Manifest = z.infer<typeof manifestSchema>;
/** What the training loop knows; the store adds files, digest and time. */
export type ManifestDraft = Omit<Manifest, "format" | "version" | "createdAt" | "files" | "digest" | "attempt">;
