import { z } from "zod";
import type { DataFacts } from "./data.ts";
import type { ExportSpec } from "./export.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { Ledger } from "./ledger.ts";
import { type Lowering, type MemoryRung, memoryRungSchema } from "./policy.ts";
import type { Threads } from "./run.ts";
import type { TopicBounds, TopicPosition, TopicWindows } from "./topic.ts";

/** Named scalar metrics, means over samples. `loss` is always among them. */
export const metricsSchema = z.record(z.string(), z.number());
export type Metrics = Readonly<z.infer<typeof metricsSchema>>;

export const metricDirections = ["minimize", "maximize"] as const;
export type MetricDirection = (typeof metricDirections)[number];

/** The best value so far of the monitored metric, and the step that has it. */
export const bestSchema = z.strictObject({ metric: z.string(), value: z.number(), step: z.int() });
export type Best = Readonly<z.infer<typeof bestSchema>>;

/** A committed checkpoint, by reference. */
export interface CheckpointReference {
  readonly step: number;
  /** Epochs completed. */
  readonly epoch: number;
  /** Absolute directory of the checkpoint. */
  readonly path: string;
  /** sha256 (hex) over the state: tensors, step, metric accumulators; independent of time, place and attempt. */
  readonly digest: string;
}

/** What happened in one epoch. `train` are running means over the epoch; `validation` where the recipe has such data. */
export const epochRecordSchema = z.strictObject({
  epoch: z.int(),
  step: z.int(),
  train: metricsSchema,
  validation: metricsSchema.nullable(),
});
export type EpochRecord = Readonly<z.infer<typeof epochRecordSchema>>;

/** What a run does otherwise than its recipe says, after losses or gradients that were not finite. */
export const correctionsSchema = z.strictObject({
  /** The schedule's learning rate is multiplied by this. */
  learningRateScale: z.number().gt(0).max(1),
  /** Steps (counted from 0) whose batch is taken and not trained on, ascending. */
  skippedSteps: z.array(z.int().min(0)),
  /** How often the run was rolled back for it. */
  numRecoveries: z.int().min(1),
});
export type Corrections = Readonly<z.infer<typeof correctionsSchema>>;

/** Dynamic scaling of the loss in float16 steps (Micikevicius et al. 2018), at a border between two steps. */
export const lossScaleSchema = z.strictObject({
  /** The next step's loss is multiplied by this, its gradients divided: a power of two. */
  scale: z.number().gt(0),
  /** Steps in a row whose gradients were finite, since the scale last changed. */
  numGoodSteps: z.int().min(0),
  /** Steps of the run that updated nothing, since their scaled gradients were not finite. */
  numSkippedSteps: z.int().min(0),
});
export type LossScale = Readonly<z.infer<typeof lossScaleSchema>>;

/** Samples met in training that could not be read, at a border between two steps. */
export const badRecordsSchema = z.strictObject({
  /** Since the run began, those that were drawn in the place of another included. */
  numMet: z.int().min(1),
  /** In this epoch. */
  numInEpoch: z.int().min(0),
});
export type BadRecordCounts = Readonly<z.infer<typeof badRecordsSchema>>;

/** A move on the memory ladder: from this step on the run is on this rung. */
export const rungMoveSchema = z.strictObject({
  /** Steps completed when it came into force. */
  step: z.int().min(0),
  rung: memoryRungSchema,
  why: z.string(),
});
export type RungMove = Readonly<z.infer<typeof rungMoveSchema>>;

/** Number formats that a step is computed in. */
export const computePrecisions = ["float32", "bfloat16", "float16"] as const;
export type ComputePrecision = (typeof computePrecisions)[number];

/** The number format that steps are computed in, and why. Decided once, before step 1. */
export interface PrecisionDecision {
  readonly precision: ComputePrecision;
  /** Whether the person asked for it; else it was decided. Absent in runs that older versions prepared. */
  readonly isAskedFor?: boolean;
  readonly why: string;
  /** What whoever asked for it has to know. */
  readonly caveat?: string;
  /** Those that were measured on the run's first batches; empty where the format was asked for. */
  readonly candidates: readonly PrecisionCandidate[];
}

export interface PrecisionCandidate {
  readonly precision: ComputePrecision;
  /** Of one step. */
  readonly milliseconds: number;
  /** Largest difference of its losses from those of float32 on the same batches, relative to the mean of those. */
  readonly lossDifference: number;
}

/** The rung that a run begins on, and why. */
export interface MemoryDecision {
  readonly rung: MemoryRung;
  readonly why: string;
  /** What the trainer may take; null where no budget was given. */
  readonly budgetBytes: number | null;
  /** What it is expected to take at its peak on this rung, the runtime included; null where nobody asked. */
  readonly predictedPeakBytes: number | null;
  /** Of one prepared batch. */
  readonly batchBytes: number;
}

/** Facts of a run that never change after it was prepared. */
export interface TrainingPlan {
  readonly recipeName: string;
  readonly recipeDigest: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly numTrainSamples: number;
  readonly numValidationSamples: number;
  readonly numTestSamples: number;
  readonly batchSize: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Steps until the run ends: epochs x steps an epoch, or `maxSteps` if fewer. */
  readonly totalSteps: number;
  readonly numParameters: number;
  /** The metric that decides which checkpoint is best, e.g. `validation/accuracy`, and its direction. */
  readonly monitor: { readonly metric: string; readonly direction: MetricDirection };
  readonly threads: Threads;
  /** Decided once, before step 1; null for an engine that has none. */
  readonly lowering: LoweringDecision | null;
  /** Absent in runs that older versions prepared: float32, as asked for. */
  readonly precision?: PrecisionDecision;
  /** Absent in runs that older versions prepared: whole batches, nothing recomputed. */
  readonly memory?: MemoryDecision;
  /** Files that the recipe asks for once training is over. Absent where it asks for none. */
  readonly exports?: readonly ExportSpec[];
  /** What is read of the topics of a run whose data is such, by split: decided once. */
  readonly topics?: Readonly<Partial<Record<DataSplitName, TopicBounds>>>;
  /** Training data that is a topic in windows: each epoch is a window, which is decided before it begins. */
  readonly windows?: TopicWindows;
  readonly fingerprint: Fingerprint;
}

type DataSplitName = EvaluationResult["split"];

/** A way to run compiled steps. */
export interface StepExecution {
  readonly lowering: Lowering;
  /** Steps that one call of TensorFlow makes. Absent in runs that older versions prepared: 1. */
  readonly stepsPerCall?: number;
}

/** How compiled steps run, and why. */
export interface LoweringDecision extends StepExecution {
  readonly why: string;
  /** Time of one step of those that were measured. */
  readonly candidates: readonly (StepExecution & { readonly milliseconds: number })[];
}

export const trainingPhases = [
  "queued",
  "starting",
  "waiting",
  "training",
  "validating",
  "evaluating",
  "stopping",
] as const;
export type TrainingPhase = (typeof trainingPhases)[number];

/** Where a run is right now: what heartbeats carry. */
export interface Progress {
  readonly phase: TrainingPhase;
  /** Steps completed. */
  readonly step: number;
  readonly totalSteps: number;
  /** Epoch in progress, from 1. */
  readonly epoch: number;
  readonly epochs: number;
  readonly metrics: Metrics;
  readonly samplesPerSecond: number | null;
  readonly secondsLeft: number | null;
  readonly checkpoint: CheckpointReference | null;
  readonly best: Best | null;
  /** Share (0..1) of the engine's time in this segment that it waited for data. */
  readonly engineWaitShare: number | null;
  readonly trainerPid: number | null;
  readonly workerPid: number | null;
  /** Why the run waits, when it is queued. */
  readonly note: string | null;
  /** Absent while nothing was trained. */
  readonly data?: DataFacts;
}

/** The progress of a run of which nothing is known yet. */
export const noProgress: Progress = {
  phase: "starting",
  step: 0,
  totalSteps: 0,
  epoch: 0,
  epochs: 0,
  metrics: {},
  samplesPerSecond: null,
  secondsLeft: null,
  checkpoint: null,
  best: null,
  engineWaitShare: null,
  trainerPid: null,
  workerPid: null,
  note: null,
};

/** A checkpoint that could not be used and was passed over for the one before. */
export interface SkippedCheckpoint {
  readonly path: string;
  readonly code: string;
  readonly reason: string;
}

/** What training took, measured. Times never reach a number that is trained with, nor a digest. */
export interface TrainingUsage {
  /** Steps that were timed: those of an attempt that failed are not, nor those of a run that older versions began. */
  readonly numSteps: number;
  readonly numSamples: number;
  /** Time of the training loop: steps, validation, standing still for checkpoints. Neither queueing nor preparing. */
  readonly trainingMs: number;
  /** Of it, validation. */
  readonly validatingMs: number;
  /** Of it, without a batch to work on, validation's included. Absent in what older versions counted. */
  readonly waitedMs?: number;
  /** Largest resident set of a trainer process, from its start to the end of the last segment. */
  readonly peakRssBytes: number;
  /** Resident when that process had loaded the run, its first batch was ready, and no step was made yet. */
  readonly loadedRssBytes: number;
}

/** The end of a segment. */
export interface SegmentResult {
  readonly step: number;
  readonly epoch: number;
  readonly metrics: Metrics;
  readonly checkpoint: CheckpointReference;
  readonly best: Best | null;
  /** The run has no more steps to do: all done, or stopped early. */
  readonly finished: boolean;
  readonly stoppedEarly: boolean;
  /** False once the run went on under another fingerprint. */
  readonly exact: boolean;
  readonly skipped: readonly SkippedCheckpoint[];
  /** In force since a rollback; null while there was none. */
  readonly corrections: Corrections | null;
  /** Of this segment alone; absent where nothing was trained, as after preparing. */
  readonly usage?: TrainingUsage;
  /** Bytes of the checkpoint's weights. */
  readonly modelBytes?: number;
  /** Moves on the memory ladder since the run began, the last one in force; absent while there was none. */
  readonly rungMoves?: readonly RungMove[];
  /** Where a loss is scaled. */
  readonly lossScale?: LossScale;
  /** What the run really did; absent until a step was recorded, and where none can be. */
  readonly ledger?: Ledger;
  /** How its batches were prepared, and samples that could not be; absent where nothing was trained. */
  readonly data?: DataFacts;
  /** Of training data that is a topic: the records that trained the checkpoint. */
  readonly topic?: TopicPosition;
  /** Memory was short: the segment ended before its time, and the run is to go on with less. */
  readonly memoryPressure?: string;
}

/** Held-out metrics of a checkpoint. */
export interface EvaluationResult {
  readonly split: "test" | "validation" | "train";
  readonly numSamples: number;
  /** Of a topic in windows: the window that was evaluated before anything of it was trained. */
  readonly window?: number;
  readonly metrics: Metrics;
  readonly checkpoint: CheckpointReference;
  /** Newer ones that could not be used. */
  readonly skipped: readonly SkippedCheckpoint[];
}

/** What an evaluation was made on, in words. */
export function evaluatedOn({ split, window }: Pick<EvaluationResult, "split" | "window">): string {
  return window === undefined ? split : `window ${window + 1}, before it was trained`;
}
