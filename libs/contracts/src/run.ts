import { z } from "zod";
import { engines, lowerings, policySchema } from "./policy.ts";

/** A run's id is its workflow's id and its folder's name: no separators, no leading dot. Schedules append a time. */
export const runIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:+-]{0,127}$/, "letters, digits and . _ : + - only, 128 at most, no leading dot");

/** Any JSON value: parameters cross the workflow's history. */
export const jsonSchema = z.json();
export type Json = z.infer<typeof jsonSchema>;

/** When checkpoints are written and which are kept. The last one of each epoch is always written. */
export const checkpointPolicySchema = z.strictObject({
  everyMs: z.int().min(100).default(60_000).describe("Time between checkpoints within an epoch"),
  everySteps: z.int().min(1).optional().describe("Steps between checkpoints within an epoch, beside the time"),
  keepLast: z.int().min(1).default(3).describe("Newest checkpoints kept"),
  keepBest: z.int().min(0).default(1).describe("Best checkpoints kept, by the monitored metric"),
});
export type CheckpointPolicy = z.infer<typeof checkpointPolicySchema>;

/** How many failed attempts of each class a run may have before it fails. Preemption is not counted. */
export const retryBudgetSchema = z.strictObject({
  crash: z.int().min(0).default(5).describe("Crashes survived since the last new checkpoint"),
  memory: z.int().min(0).default(3).describe("Failures for want of memory survived"),
  environment: z.int().min(0).default(3).describe("Failures of the machine (disk, runtime) survived"),
});
export type RetryBudget = z.infer<typeof retryBudgetSchema>;

/** Threads of TensorFlow. Results depend on them bit for bit, so they are decided once and recorded. */
export const threadsSchema = z.strictObject({
  intraOp: z.int().min(1).max(1024),
  interOp: z.int().min(1).max(1024),
});
export type Threads = z.infer<typeof threadsSchema>;

/**
 * Everything that defines a run. The flags of the command line, schedules, the workflow's input and its memo derive
 * from it: a description here is a line of `--help`, and a number whose name ends in `Ms` is written as a duration.
 */
export const runSpecSchema = z.strictObject({
  recipe: z.strictObject({
    name: z.string().min(1),
    /** Absolute path of the recipe's file on the machines that train. */
    path: z.string().min(1),
  }),
  parameters: z.record(z.string(), jsonSchema).default({}),
  seed: z.int().min(0).max(0x7fff_ffff).default(42).describe("Seed of weights, order, augmentation and dropout"),
  policy: policySchema.prefault({}),
  engine: z.enum(engines).default("compiled").describe("What runs the training step"),
  lowering: z
    .enum(["auto", ...lowerings])
    .default("auto")
    .describe(
      "How TensorFlow runs compiled steps; auto, where the run is long enough, measures that and steps per call before step 1",
    ),
  threads: threadsSchema
    .optional()
    .describe(
      "TensorFlow's threads within an op and ops at a time, on which results depend; by default the machine's cores for both",
    ),
  maxSteps: z.int().min(1).optional().describe("Stop after this many steps in all"),
  exclusive: z
    .boolean()
    .default(false)
    .describe("Train while no other run does on the same worker, as a run must whose time is compared"),
  checkpoint: checkpointPolicySchema.prefault({}),
  /** A segment (one activity) ends at the end of an epoch, or after this many steps or milliseconds. */
  segment: z
    .strictObject({
      maxSteps: z.int().min(1).optional().describe("Steps of one activity at most"),
      maxMs: z.int().min(1_000).default(600_000).describe("Time of one activity, about"),
      /** Temporal's own limit is 51,200. */
      maxHistoryEvents: z
        .int()
        .min(50)
        .max(20_000)
        .default(4_000)
        .describe("Events of the history after which the workflow continues as new"),
    })
    .prefault({}),
  retries: retryBudgetSchema.prefault({}),
});
export type RunSpec = z.infer<typeof runSpecSchema>;
/** The spec as a person writes it: everything with a default may be left out. */
export type RunSpecInput = z.input<typeof runSpecSchema>;
