import type { EvaluateInput, PreparedRun, PrepareInput, SegmentInput, WindowInput } from "./activities.ts";
import type { ErrorRecord } from "./errors.ts";
import type { StepExplanation } from "./explanation.ts";
import type { ExportReport, ExportSpec } from "./export.ts";
import type { TopicBounds } from "./topic.ts";
import type { CheckpointReference, EvaluationResult, Progress, SegmentResult, SkippedCheckpoint } from "./training.ts";

/**
 * Messages between an activity (or the command line) and its trainer process over Node's IPC channel.
 * One request at a time; `stop` may come at any time and makes a running segment commit a checkpoint and end.
 */
export type TrainerRequest =
  | { readonly type: "prepare"; readonly runDirectory: string; readonly input: PrepareInput }
  | { readonly type: "segment"; readonly runDirectory: string; readonly input: SegmentInput }
  | { readonly type: "window"; readonly runDirectory: string; readonly input: WindowInput }
  | { readonly type: "evaluate"; readonly runDirectory: string; readonly input: EvaluateInput }
  /** Metrics of any checkpoint of the run, null for the newest; writes nothing and takes no attempt. */
  | {
      readonly type: "evaluateCheckpoint";
      readonly runDirectory: string;
      readonly checkpoint: string | null;
      readonly split: DataSplit | null;
    }
  | {
      readonly type: "predict";
      readonly runDirectory: string;
      readonly checkpoint: string | null;
      readonly samples: PredictionSamples;
    }
  /** Writes a checkpoint's model (null: of the newest) in another format, once it is proven. */
  | {
      readonly type: "export";
      readonly runDirectory: string;
      readonly checkpoint: string | null;
      readonly spec: ExportSpec;
      readonly directory: string;
    }
  /** Opens the step of the run that was prepared last: its graph, and what its nodes cost. */
  | { readonly type: "explain" }
  | { readonly type: "stop" }
  | { readonly type: "close" };

export type TrainerReply =
  | { readonly type: "ready"; readonly pid: number }
  | { readonly type: "progress"; readonly progress: Progress }
  | { readonly type: "prepared"; readonly result: PreparedRun }
  | { readonly type: "windowOpened"; readonly result: TopicBounds | null; readonly stopped: boolean }
  | { readonly type: "segmentEnded"; readonly result: SegmentResult; readonly stopped: boolean }
  | { readonly type: "evaluated"; readonly result: EvaluationResult }
  | { readonly type: "predicted"; readonly result: PredictionResult }
  | { readonly type: "exported"; readonly result: ExportReport }
  | { readonly type: "explained"; readonly result: StepExplanation }
  | { readonly type: "failed"; readonly error: ErrorRecord };

export type DataSplit = EvaluationResult["split"];

/** Samples of the recipe's own data, or inputs as the model takes them: one flat list of numbers a sample. */
export type PredictionSamples =
  | { readonly kind: "split"; readonly split: DataSplit; readonly indices: readonly number[] }
  | { readonly kind: "inputs"; readonly inputs: readonly (readonly number[])[] };

export interface PredictionResult {
  readonly checkpoint: CheckpointReference;
  /** Newer ones that could not be used. */
  readonly skipped: readonly SkippedCheckpoint[];
  /** Shape of the outputs of one sample. */
  readonly outputShape: readonly number[];
  readonly predictions: readonly Prediction[];
}

export interface Prediction {
  /** Index within the split; null for inputs that were given. */
  readonly index: number | null;
  readonly outputs: readonly number[];
  /** Index of the largest output where the labels are classes. */
  readonly predictedClass: number | null;
  /** The sample's label, where it is one number and known. */
  readonly label: number | null;
}

/** Exit codes by which a trainer that can no longer speak says why it ended. */
export const trainerExitCodes = { ok: 0, failed: 1, orphaned: 71, engineLost: 72 } as const;
