import type { ResumeChoices, SegmentInput } from "./activities.ts";
import type { ErrorRecord } from "./errors.ts";
import type { ExportOutcome } from "./export.ts";
import type { Ledger } from "./ledger.ts";
import type { RunSpec } from "./run.ts";
import type { EvaluationResult, Progress, SegmentResult, TrainingPlan, TrainingUsage } from "./training.ts";

export const taskQueue = "anneal";
export const trainWorkflowType = "train";

export const runStatuses = [
  "preparing",
  "queued",
  "training",
  "retrying",
  "evaluating",
  "completed",
  "failed",
  "cancelled",
] as const;
export type RunStatus = (typeof runStatuses)[number];

/** Custom search attributes: names are API; `up` registers them. */
export const searchAttributes = {
  AnnealRecipe: "KEYWORD",
  AnnealStatus: "KEYWORD",
  AnnealStep: "INT",
  AnnealBestMetric: "DOUBLE",
} as const;

/** One failed attempt, kept in the run's state (the last few) and in the history (all). */
export interface FailedAttempt {
  readonly attempt: number;
  readonly activity: string;
  readonly step: number;
  readonly error: ErrorRecord;
}

/** Carried over continue-as-new. */
export interface CarriedState {
  readonly plan: TrainingPlan;
  readonly last: SegmentResult;
  readonly attempt: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly recentFailures: readonly FailedAttempt[];
  readonly numFailedAttempts: number;
  readonly startedAtMs: number;
  /** Absent in runs that older versions began. */
  readonly usage?: TrainingUsage;
  /** To a rung that no checkpoint is on yet. */
  readonly move?: SegmentInput["move"];
  /** Of a topic in windows: the last that was opened, and how it was evaluated. */
  readonly window?: SegmentInput["window"];
  readonly evaluation?: EvaluationResult | null;
}

export interface TrainInput {
  readonly spec: RunSpec;
  readonly resume: ResumeChoices | null;
  /** First fencing token of this execution: a resume goes on above those of earlier executions. */
  readonly firstAttempt: number;
  /** Of earlier executions, which a resume goes on counting from. */
  readonly usage?: TrainingUsage;
  readonly carried: CarriedState | null;
}

export interface TrainResult {
  readonly runId: string;
  readonly step: number;
  readonly epoch: number;
  readonly metrics: SegmentResult["metrics"];
  readonly evaluation: EvaluationResult | null;
  /** What became of the files that the recipe asks for; absent where it asks for none. */
  readonly exports?: readonly ExportOutcome[];
  readonly checkpoint: SegmentResult["checkpoint"];
  readonly best: SegmentResult["best"];
  readonly stoppedEarly: boolean;
  readonly exact: boolean;
  readonly numFailedAttempts: number;
  /** From the start of this execution to its end: queueing, preparing and evaluating included. */
  readonly durationMs: number;
  readonly plan: TrainingPlan;
  readonly usage: TrainingUsage;
  /** Bytes of the last checkpoint's weights. */
  readonly modelBytes?: number;
  /** What its steps really did; absent where none was recorded. */
  readonly ledger?: Ledger;
  readonly rungMoves?: SegmentResult["rungMoves"];
  /** How its batches were prepared at the end, and samples that could not be. */
  readonly data?: SegmentResult["data"];
}

/** Answer of the `status` query. */
export interface RunState {
  readonly runId: string;
  readonly status: RunStatus;
  readonly plan: TrainingPlan | null;
  readonly progress: Progress | null;
  readonly last: SegmentResult | null;
  readonly evaluation: EvaluationResult | null;
  readonly recentFailures: readonly FailedAttempt[];
  readonly numFailedAttempts: number;
  readonly usage: TrainingUsage;
}

export const statusQueryName = "status";
/** Sent by the activity: at once when a run is queued or starts, then at most every `progressIntervalMs`. */
export const progressSignalName = "progress";
/** Stated rate of search attributes and current details while a segment runs. */
export const progressIntervalMs = 10_000;

/** Memo of a run, shown by the UI. */
export interface RunMemo {
  readonly recipe: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly spec: RunSpec;
}
