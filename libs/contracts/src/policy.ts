import { z } from "zod";

/**
 * The vocabulary of precision policies. What is supported today is decided by `@anneal/policy`, not here: a run's
 * schema stays the same while support grows.
 */
export const precisions = ["float32", "bfloat16", "float16", "auto"] as const;
export type Precision = (typeof precisions)[number];

/**
 * What follows when a loss or a gradient is not finite. The step has updated nothing; the run goes back to its last
 * checkpoint, and then fails, passes over the batch of that step, or goes on with a lower learning rate.
 */
export const nonFiniteRemedies = ["fail", "skipBatch", "lowerLearningRate"] as const;

/** Cross-entropy of a softmax's or sigmoid's outputs: of their logits, or clipped to [1e-7, 1 - 1e-7] as TensorFlow.js has it. */
export const crossEntropies = ["logits", "clipped"] as const;
export type CrossEntropy = (typeof crossEntropies)[number];

/** The run's precision and memory policy: part of every run from its first day. */
export const policySchema = z.strictObject({
  precision: z.enum(precisions).default("float32").describe("Number format of the training step"),
  memory: z
    .strictObject({
      prefetchBatches: z
        .int()
        .min(2)
        .max(256)
        .default(8)
        .describe("Batches prepared ahead of the engine, beside those of calls that make several steps"),
    })
    .prefault({}),
  nonFinite: z
    .strictObject({
      remedy: z
        .enum(nonFiniteRemedies)
        .default("skipBatch")
        .describe("After a loss or gradient that is not finite, from the last checkpoint"),
      maxRecoveries: z.int().min(0).max(100).default(3).describe("Rollbacks until the run fails"),
      learningRateFactor: z.number().gt(0).lt(1).default(0.5).describe("What lowerLearningRate multiplies by"),
    })
    .prefault({}),
  crossEntropy: z
    .enum(crossEntropies)
    .default("logits")
    .describe(
      "Cross-entropy of softmax or sigmoid outputs in compiled steps: of the logits, or clipped as TensorFlow.js does",
    ),
});
export type Policy = z.infer<typeof policySchema>;

/** Which engine runs the training step. */
export const engines = ["eager", "compiled"] as const;
export type EngineName = (typeof engines)[number];

/** How TensorFlow runs a compiled step: node by node, or with its XLA compiler for what XLA knows. */
export const lowerings = ["graph", "xla"] as const;
export type Lowering = (typeof lowerings)[number];
