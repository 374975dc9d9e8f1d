import { z } from "zod";
import type { ErrorRecord } from "./errors.ts";
import type { CheckpointReference, EvaluationResult } from "./training.ts";

/** File formats that a trained model can be written in. */
export const exportFormats = ["onnx", "tflite"] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** Number formats of an exported model's weights and arithmetic; "int8-weights" is of the weights alone. */
export const exportPrecisions = ["float32", "float16", "int8", "int8-weights"] as const;
export type ExportPrecision = (typeof exportPrecisions)[number];

/** Precisions for which the ranges of a model's values have to be known. */
export const calibratedPrecisions: readonly ExportPrecision[] = ["int8"];

/** How the range of values is found that whole numbers have to hold. */
export const calibrationMethods = ["minmax", "percentile", "entropy"] as const;
export type CalibrationMethod = (typeof calibrationMethods)[number];

/** What to make of a checkpoint. Flags of the command line derive from it. */
export const exportSpecSchema = z.strictObject({
  format: z.enum(exportFormats).default("onnx").describe("File format"),
  precision: z.enum(exportPrecisions).default("float32").describe("Number format of weights and arithmetic"),
  heldOutSamples: z
    .int()
    .min(1)
    .max(100_000)
    .default(512)
    .describe("Held-out samples that the file and the model have to agree on"),
  calibration: z
    .enum(calibrationMethods)
    .default("minmax")
    .describe("How the ranges of activations are found, where they are whole numbers"),
  calibrationSamples: z
    .int()
    .min(1)
    .max(100_000)
    .default(128)
    .describe("Samples of the training data that ranges are found with"),
  maxDrop: z
    .number()
    .min(0)
    .max(100)
    .nullable()
    .default(null)
    .describe(
      "Points of accuracy that the file may lose: layers that lose the most are kept in float32 until it holds",
    ),
});
export type ExportSpec = z.infer<typeof exportSpecSchema>;
/** As a person writes it: everything may be left out. */
export type ExportSpecInput = z.input<typeof exportSpecSchema>;

/** How far two lists of outputs are apart. */
export interface OutputDifference {
  /** Largest difference, relative to the size of the outputs. */
  readonly largest: number;
  /** Root of the mean square of the differences, relative to that of the outputs. */
  readonly rootMeanSquare: number;
  /** Share (0..1) of samples with the same largest output; null where outputs are no scores of classes. */
  readonly sameClass: number | null;
}

/** How long a model takes, with all of the machine's cores. */
export interface ModelTimes {
  readonly loadMs: number;
  /** One sample, again and again. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** A model before or after its export. */
export interface ModelMeasures {
  readonly numBytes: number;
  readonly metrics: EvaluationResult["metrics"];
  readonly times: ModelTimes;
}

/** A file that was written and proven. */
export interface ExportReport {
  readonly spec: ExportSpec;
  readonly recipe: { readonly name: string; readonly digest: string };
  readonly checkpoint: CheckpointReference;
  readonly file: { readonly path: string; readonly numBytes: number; readonly sha256: string };
  /** The model card beside it. */
  readonly cardPath: string;
  /** Ops of the file, by how often it has each. */
  readonly ops: Readonly<Record<string, number>>;
  readonly input: TensorDescription;
  readonly output: TensorDescription;
  /** Why the file takes batches of one size alone; null where it takes any. */
  readonly fixedBatch: { readonly numSamples: number; readonly reason: string } | null;
  /** What ran the file. */
  readonly runtime: { readonly name: string; readonly version: string };
  readonly heldOut: { readonly split: EvaluationResult["split"]; readonly numSamples: number };
  readonly difference: OutputDifference;
  readonly bound: DifferenceBound;
  /** What is in whole numbers; null where nothing is. */
  readonly quantization: QuantizationReport | null;
  readonly before: ModelMeasures;
  readonly after: ModelMeasures;
}

export interface TensorDescription {
  readonly name: string;
  readonly dtype: string;
  /** Of one sample, without the batch. */
  readonly shape: readonly number[];
}

/** What `OutputDifference` may be at most. */
export interface DifferenceBound {
  readonly largest: number | null;
  readonly rootMeanSquare: number | null;
}

/** What became of one of the files that a recipe asks for. */
export type ExportOutcome =
  | {
      readonly spec: ExportSpec;
      readonly file: ExportReport["file"];
      readonly metrics: ModelMeasures["metrics"];
      readonly error: null;
    }
  | { readonly spec: ExportSpec; readonly file: null; readonly metrics: null; readonly error: ErrorRecord };

/** Which layers of a file are in whole numbers, and what was measured for it. */
export interface QuantizationReport {
  /** How the ranges of activations were found; null where none are needed. */
  readonly calibration: { readonly method: CalibrationMethod; readonly numSamples: number } | null;
  readonly numLayers: number;
  /** Points of accuracy that were lost; null where the recipe measures none. */
  readonly drop: number | null;
  /** What each layer loses by itself, the most first; null where it was not asked for, or nothing had to be kept. */
  readonly layers: readonly LayerLoss[] | null;
}

/** What a layer in whole numbers does to the outputs while all others are in float32. */
export interface LayerLoss {
  readonly layer: string;
  /** As in `OutputDifference`. */
  readonly rootMeanSquare: number;
  /** Whether it was kept in float32. */
  readonly isKept: boolean;
}

/** What is in a model's file, whoever wrote it. */
export interface ModelInspection {
  readonly path: string;
  readonly format: string;
  readonly numBytes: number;
  /** What the file says of itself: who wrote it, in which version of the format. */
  readonly producer: string;
  readonly inputs: readonly InspectedTensor[];
  readonly outputs: readonly InspectedTensor[];
  /** Numbers that the file holds, and the bytes that they take, by number format. */
  readonly weights: Readonly<Record<string, { readonly numValues: number; readonly numBytes: number }>>;
  readonly ops: readonly InspectedOp[];
  /** For a batch of one, or of the size that the file has; null where the runtime cannot run the file. */
  readonly running: InspectedRun | null;
  /** Why there is no `running`. */
  readonly notRun: string | null;
  /** What a reader should know, such as ops that TensorFlow Lite Micro has not. */
  readonly warnings: readonly string[];
}

export interface InspectedTensor {
  readonly name: string;
  readonly dtype: string;
  /** A name for a size that is not fixed. */
  readonly dims: readonly (number | string)[];
}

export interface InspectedOp {
  readonly op: string;
  readonly count: number;
  /** Estimated, of all calls; null where nothing was run. */
  readonly numOperations: number | null;
}

/** What a file takes as it runs, one op after another, each value kept until its last taker is done. */
export interface InspectedRun {
  readonly peakActivationBytes: number;
  /** The op at which so much is in memory. */
  readonly peakAt: string;
  /** Additions and multiplications, a product and its sum counted as two. */
  readonly numOperations: number;
  /** Bytes of all computed values, by number format. */
  readonly activations: Readonly<Record<string, number>>;
}
