import { z } from "zod";

/**
 * The vocabulary of precision policies. What is supported today is decided by `@anneal/policy`, not here: a run's
 * schema stays the same while support grows.
 */
export const precisions = ["float32", "bfloat16", "float16", "auto"] as const;
export type Precision = (typeof precisions)[number];

/** The run's precision and memory policy: part of every run from its first day. */
export const policySchema = z.strictObject({
  precision: z.enum(precisions).default("float32").describe("Number format of the training step"),
  memory: z
    .strictObject({
      prefetchBatches: z.int().min(2).max(256).default(8).describe("Batches prepared ahead of the engine"),
    })
    .prefault({}),
});
export type Policy = z.infer<typeof policySchema>;

/** Which engine runs the training step. */
export const engines = ["eager", "compiled"] as const;
export type EngineName = (typeof engines)[number];
