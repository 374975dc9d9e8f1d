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

/** Number formats that weights can be stored in, whatever they are trained in. */
export const weightStorages = ["float32", "bfloat16", "float16"] as const;
export type WeightStorage = (typeof weightStorages)[number];

/** An amount of memory as people write it: bytes with a unit (`512MiB`), or a share of what the machine grants (`50%`). */
export const memoryBudgetPattern = /^(\d+(?:\.\d+)?)\s*(%|KiB|MiB|GiB|TiB|KB|MB|GB|TB)$/;

/**
 * How a run uses memory. Rungs of one ladder: each asks for less memory than the one above, at the price of time.
 */
export const memoryRungSchema = z.strictObject({
  /** Batches prepared ahead of the engine. */
  prefetchBatches: z.int().min(1),
  /** Parts of a batch that are trained on one after another, their gradients summed; 1: the whole batch at once. */
  microBatches: z.int().min(1),
  /** Segments of the forward pass whose activations are computed again for the backward pass; 1: all are kept. */
  recomputeSegments: z.int().min(1),
});
export type MemoryRung = Readonly<z.infer<typeof memoryRungSchema>>;

/** The run's precision and memory policy: part of every run from its first day. */
export const policySchema = z.strictObject({
  precision: z.enum(precisions).default("float32").describe("Number format of the training step"),
  weightStorage: z
    .enum(weightStorages)
    .default("float32")
    .describe("Number format of the weights in a checkpoint's model file; training goes on from float32 all the same"),
  lossScale: z
    .strictObject({
      initial: z
        .number()
        .min(1)
        .max(2 ** 24)
        .refine((scale) => Number.isInteger(Math.log2(scale)), "a power of two")
        .default(2 ** 15)
        .describe("Factor of the loss in float16 steps at the start, a power of two"),
      growthInterval: z.int().min(1).default(2_000).describe("Steps in a row that are finite until it is doubled"),
    })
    .prefault({}),
  memory: z
    .strictObject({
      budget: z
        .string()
        .regex(memoryBudgetPattern, "an amount such as 512MiB, or a share of the machine's memory such as 50%")
        .optional()
        .describe("Memory that the trainer may take: 512MiB, 2GiB, or a share of the machine's (50%)"),
      microBatches: z
        .int()
        .min(1)
        .max(4_096)
        .optional()
        .describe("Parts of a batch trained one after another, gradients summed; by default what the budget asks for"),
      recomputeSegments: z
        .int()
        .min(1)
        .max(1_024)
        .optional()
        .describe("Segments of the forward pass computed again for the gradients; by default what the budget asks for"),
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
