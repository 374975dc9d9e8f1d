import { z } from "zod";
import { computePrecisions } from "./training.ts";

/** What tensors of a training step are for. */
export const tensorClasses = [
  /** As the step computes with them: the variables, or copies of them in 16 bits. */
  "weights",
  /** Variables that updates go to, where the step computes with copies in 16 bits. */
  "masterWeights",
  "optimizerState",
  /** Whatever the backward pass made, of weights and of activations. */
  "gradients",
  /** Whatever the forward pass made. */
  "activations",
  /** The ring between the threads that prepare batches and the engine. */
  "batches",
  /** Constants of the graph, and what kernels take for themselves while they run. */
  "workspace",
] as const;
export type TensorClass = (typeof tensorClasses)[number];

/** Tensors of a class and number format. */
export const ledgerTensorsSchema = z.strictObject({
  class: z.enum(tensorClasses),
  dtype: z.string(),
  /** The most that they take at any moment of the step. */
  numBytes: z.int().min(0),
  /** What they take at the moment in which all classes together take the most: the sum is what a step needs. */
  bytesAtPeak: z.int().min(0),
});
export type LedgerTensors = Readonly<z.infer<typeof ledgerTensorsSchema>>;

/** Kernels of one op and number format that a step ran. */
export const ledgerKernelsSchema = z.strictObject({
  /** As TensorFlow ran it: oneDNN's begin with `_Mkl`. "others": those that take little time, together. */
  op: z.string(),
  /** Of what it made; null where it makes nothing, as an update of a variable. */
  dtype: z.string().nullable(),
  numRuns: z.int().min(1),
  microseconds: z.number().min(0),
});
export type LedgerKernels = Readonly<z.infer<typeof ledgerKernelsSchema>>;

/** The trainer's memory in a step, in bytes, as the operating system counts it. */
export const ledgerMemorySchema = z.strictObject({
  /** Before the first step, without the tensors that it held: Node.js, TensorFlow, the recipe and its data. */
  runtimeBytes: z.int().min(0),
  /** Sum of the classes at the peak. */
  tensorBytes: z.int().min(0),
  /** Resident at the peak of the step. */
  measuredBytes: z.int().min(0),
  /** What is not accounted for, as a share of what was measured: below 0 where the sum is larger. */
  difference: z.number(),
  /** Most that was resident since the trainer began, compiling included. */
  peakBytes: z.int().min(0),
});
export type LedgerMemory = Readonly<z.infer<typeof ledgerMemorySchema>>;

/** The loss of one training batch in the run's number format and in float32, of the same weights and random numbers. */
export const shadowLossSchema = z.strictObject({
  /** Steps completed before it. */
  step: z.int().min(0),
  loss: z.number(),
  float32Loss: z.number(),
  /** |loss - float32Loss| / |float32Loss|. */
  relativeDifference: z.number().min(0),
});
export type ShadowLoss = Readonly<z.infer<typeof shadowLossSchema>>;

/** What a run really did, from one of its steps that TensorFlow recorded: not what it was meant to do. */
export const ledgerSchema = z.strictObject({
  /** Steps completed before the recorded one. */
  step: z.int().min(0),
  /** What steps were to be computed in. */
  precision: z.enum(computePrecisions),
  /** What products and convolutions ran in, nearly all of their time; null where none was seen: there is none, or XLA ran them. */
  ranIn: z.enum(computePrecisions).nullable(),
  /** Share (0..1) of their time in `precision`, without layers that the recipe excepts from it; null as `ranIn` is. */
  productShare: z.number().min(0).max(1).nullable(),
  /** Share (0..1) of their time in such layers; where that is all of it, they are not left out. None in older records. */
  exceptedShare: z.number().min(0).max(1).optional(),
  /** Share of the time of all kernels that make floating-point numbers, by number format. */
  timeShares: z.record(z.string(), z.number()),
  /** Median time of a step before the recorded one, in milliseconds. */
  stepMilliseconds: z.number().min(0),
  tensors: z.array(ledgerTensorsSchema),
  /** Most expensive first. */
  kernels: z.array(ledgerKernelsSchema),
  /** Null where the operating system does not tell. */
  memory: ledgerMemorySchema.nullable(),
  /** The last ones, oldest first; none in a float32 run. */
  shadowLosses: z.array(shadowLossSchema),
});
export type Ledger = Readonly<z.infer<typeof ledgerSchema>>;

/** What a run may be called by: the number format that its products and convolutions really ran in, in words. */
export function precisionInWords({ precision, ranIn, productShare, exceptedShare = 0 }: Ledger): string {
  if (ranIn === null || productShare === null) {
    return `asked for ${precision}; no product or convolution was seen: it has none, or XLA ran them`;
  }
  const share = percent(productShare);
  const excepted = exceptedInWords(exceptedShare);
  if (ranIn === precision) return `${precision}: ${share} of the time of products and convolutions${excepted}`;
  return `asked for ${precision}, ran in ${ranIn}: ${share} of the time of products and convolutions was in ${precision}${excepted}`;
}

function exceptedInWords(share: number): string {
  if (share === 0) return "";
  if (share === 1) return "; the recipe has all layers with products in other formats";
  return `, without layers that the recipe has in other formats (${percent(share)} of that time)`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0.99 && share < 1 ? 1 : 0)} %`;
}

/** Whether a run is not what it was asked to be, or nobody can tell. */
export function isOtherPrecision({ precision, ranIn }: Pick<Ledger, "precision" | "ranIn">): boolean {
  return ranIn !== precision && !(ranIn === null && precision === "float32");
}

/** The largest relative difference of a loss from float32's; null where none was compared. */
export function largestShadowDifference({ shadowLosses }: Ledger): number | null {
  const differences = shadowLosses.map(({ relativeDifference }) => relativeDifference);
  return differences.length === 0 ? null : Math.max(...differences);
}
