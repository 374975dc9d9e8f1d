import type { ErrorRecord } from "./errors.ts";
import type { ExportReport, ExportSpec } from "./export.ts";
import type { MemoryRung } from "./policy.ts";
import type { RunSpec } from "./run.ts";
import type { TopicBounds, TopicPosition } from "./topic.ts";
import type { Corrections, EvaluationResult, SegmentResult, TrainingPlan } from "./training.ts";

/** What a resume may do that a plain retry may not. */
export interface ResumeChoices {
  /** Which source to go on with if the recipe's file was edited since: the one kept with the run, or the file as it is. */
  readonly recipeVersion: "recorded" | "current" | null;
  /** Go on under another fingerprint; the run is marked inexact from there. */
  readonly allowInexact: boolean;
}

export interface PrepareInput {
  readonly runId: string;
  readonly spec: RunSpec;
  /** Fencing token: grows with every attempt of any activity of the run. */
  readonly attempt: number;
  /** Null for a new run; a run that is new must not exist in the store yet. */
  readonly resume: ResumeChoices | null;
  /** Memory ran out in so many attempts before: the plan begins so many rungs further on. */
  readonly outOfMemory?: { readonly numTimes: number; readonly why: string } | null;
}

export interface SegmentInput {
  readonly runId: string;
  readonly spec: RunSpec;
  readonly plan: TrainingPlan;
  readonly attempt: number;
  /** Steps completed when the segment ends. */
  readonly untilStep: number;
  readonly allowInexact: boolean;
  /** In force from here on; none: as the checkpoint has them. */
  readonly corrections?: Corrections | null;
  /** The rung of the memory ladder to go on with, and why; none: as the checkpoint has it, or else the plan. */
  readonly move?: { readonly rung: MemoryRung; readonly why: string } | null;
  /** Of a topic in windows: the one that the segment trains. */
  readonly window?: TopicBounds | null;
}

export interface WindowInput {
  readonly runId: string;
  readonly spec: RunSpec;
  readonly plan: TrainingPlan;
  readonly attempt: number;
  /** From 0. */
  readonly number: number;
  /** Where the windows before have ended. */
  readonly after: TopicPosition;
}

export interface EvaluateInput {
  readonly runId: string;
  readonly spec: RunSpec;
  readonly plan: TrainingPlan;
  readonly attempt: number;
  /** Of a topic in windows: evaluate the first samples of this one in place of held-out data. */
  readonly window?: TopicBounds | null;
}

export interface ExportInput {
  readonly runId: string;
  readonly spec: RunSpec;
  readonly attempt: number;
  /** The file to make of the newest checkpoint. */
  readonly asked: ExportSpec;
}

export interface FinishInput {
  readonly runId: string;
}

/** The activities of a training run, each with one attempt: the workflow owns the retries. */
export interface TrainingActivities {
  /** Checks everything that can be wrong before step 1, records the recipe, commits step 0. */
  prepareRun(input: PrepareInput): Promise<PreparedRun>;
  /** Waits for the next window of a topic and decides it; null where it is not full in good time. */
  openWindow(input: WindowInput): Promise<TopicBounds | null>;
  trainSegment(input: SegmentInput): Promise<SegmentResult>;
  evaluateRun(input: EvaluateInput): Promise<EvaluationResult>;
  /** Writes and proves a file of the newest checkpoint, in a folder of its own under the run's. */
  exportRun(input: ExportInput): Promise<ExportReport>;
  /** Ends the run's trainer process on this worker, if there is one. */
  finishRun(input: FinishInput): Promise<void>;
}

export interface PreparedRun {
  readonly plan: TrainingPlan;
  /** Newest valid checkpoint: step 0 for a new run. */
  readonly start: SegmentResult;
}

/** Details of every failed attempt: `ApplicationFailure.type` is the code, `details[0]` this record. */
export type FailureDetails = ErrorRecord;

/** A heartbeat at least this often while an activity runs. */
export const heartbeatIntervalMs = 500;
/** Silence for this long means that the worker is lost. */
export const heartbeatTimeoutMs = 5_000;
