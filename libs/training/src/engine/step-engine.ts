import type { NamedTensor } from "@anneal/checkpoint";
import type {
  ComputePrecision,
  CrossEntropy,
  EngineName,
  Lowering,
  LoweringDecision,
  StepExplanation,
} from "@anneal/contracts";
import type { FieldSpec, TypedArray } from "@anneal/data";
import type { TracedFunction } from "@anneal/export";
import type { LoweringTrial } from "@anneal/policy";
import type { StepRecording } from "../ledger/recording.ts";
import type { OptimizerSpec } from "../optimizers/specs.ts";
import type { Recipe } from "../recipe/define.ts";
import type { GivenOutputs } from "./judge-outputs.ts";

/**
 * What runs a training step. The loop knows nothing else of it, so that a compiled step can take the place of the
 * eager one. No other code touches a variable of the model or the optimizer.
 */
export interface StepEngine {
  readonly name: EngineName;
  /**
   * Builds the model with its initial weights and checks that data, model, loss and metrics fit together.
   *
   * @throws AnnealError RECIPE_THREW, RECIPE_INVALID, SHAPE_MISMATCH, CHECKPOINT_INCOMPATIBLE (initial weights),
   *   POLICY_UNSUPPORTED for what this engine cannot do
   */
  prepare(options: EngineOptions): PreparedEngine;
  /**
   * One update of the weights. Has read the batch when it returns.
   *
   * @throws AnnealError LOSS_NOT_FINITE before anything was updated, where the loss is not finite or its gradients are not under the
   *   least loss scale either; OUT_OF_MEMORY
   */
  trainBatch(batch: Batch, scalars: StepScalars): TrainedSums;
  /**
   * Consecutive updates on batches of one size, the same bits as one by one: an engine that compiles makes them in one call.
   * Has read all batches when it returns.
   *
   * @throws AnnealError LOSS_NOT_FINITE for the first step that is not finite, after the updates before it and none from there on;
   *   OUT_OF_MEMORY
   */
  trainBatches(batches: readonly Batch[], scalars: readonly StepScalars[]): readonly TrainedSums[];
  /**
   * The same steps as `trainBatches`, to the bit, recorded by the runtime, which takes longer. The recording is null for an engine that
   * runs op by op.
   */
  recordBatches(batches: readonly Batch[], scalars: readonly StepScalars[]): RecordedSteps;
  /**
   * The loss, a mean, that `trainBatch` would report of this batch if the step were computed in float32: the same weights and random
   * numbers, nothing updated. Null where it is computed in float32, and for batches whose parts have other sizes than those of a full batch.
   */
  float32Loss(batch: Batch, step: number): number | null;
  /** Loss and metrics of a batch, nothing updated. `step` is that of the weights. */
  evaluateBatch(batch: Batch, step: number): BatchSums;
  /** Outputs of a batch of inputs: float32, row-major, `[numSamples, ...outputShape]`. */
  predictBatch(inputs: TypedArray, numSamples: number): Float32Array;
  /**
   * What predicting does for so many samples, as a graph whose variables have the handles `handleOfVariable`: what a model is exported
   * from.
   *
   * @throws AnnealError TRACE_UNSUPPORTED
   */
  tracePredict(numSamples: number): TracedFunction;
  /** Loss and metrics of outputs that anybody gave for a batch. */
  judgeOutputs(given: GivenOutputs): BatchSums;
  /** A copy of the whole state, independent of which engine made it. */
  readState(): EngineState;
  /** @throws AnnealError CHECKPOINT_INCOMPATIBLE when names or shapes are not those of this model and optimizer */
  loadState(state: EngineState): void;
  /**
   * Opens the step: its graph, and what its nodes cost on a batch that is made up. Trains, and leaves the state as it was.
   *
   * @throws AnnealError USAGE for an engine without a graph
   */
  explain(): StepExplanation;
  dispose(): void;
}

export interface EngineOptions {
  readonly recipe: Recipe;
  /** The recipe's file, for errors. */
  readonly recipePath: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly batchSize: number;
  /**
   * Sizes of the batches that will come, where they are known: an engine that compiles does so before step 1. By default
   * `batchSize`; others are accepted all the same.
   */
  readonly batchSizes?: BatchSizes;
  /** How compiled steps are to run: as said, or as is fastest where the training is worth a trial. By default "graph". */
  readonly lowering?: Lowering | LoweringTrial;
  /** Steps that a call will make where `lowering` is said: compiled before step 1, others when they come. By default 1. */
  readonly stepsPerCall?: number;
  /** How a compiled step has the cross-entropy of a softmax or sigmoid. By default "logits". */
  readonly crossEntropy?: CrossEntropy;
  /** What steps are computed in; weights, their gradients and the optimizer stay float32. By default "float32". */
  readonly precision?: ComputePrecision;
  /** Exceptions from `precision`, by layer: names, or patterns such as `block3*`. The last one that fits a layer holds. */
  readonly layerPrecision?: Readonly<Record<string, ComputePrecision>>;
  /** Parts of a batch that are trained on one after another, their gradients summed. By default 1: the whole batch at once. */
  readonly microBatches?: number;
  /** Segments of the forward pass that are computed again for the gradients. By default 1: all activations are kept. */
  readonly recomputeSegments?: number;
  /** Where compiled graphs are kept, and the digest of the one to take from there. By default nothing is kept. */
  readonly graphs?: { readonly directory: string; readonly recorded: string | null };
  /**
   * Whether the loss is multiplied by `StepScalars.lossScale` for the gradients, which are divided by it again. By default where
   * anything is computed in float16.
   */
  readonly scalesLoss?: boolean;
  /** Fields of a sample, without the batch. */
  readonly inputs: FieldSpec;
  readonly labels: FieldSpec;
  readonly numClasses: number | null;
  readonly optimizer: OptimizerSpec;
  /** Weights in place of the initial ones. */
  readonly initialWeights: readonly NamedTensor[] | null;
}

export interface BatchSizes {
  readonly train: readonly number[];
  readonly evaluate: readonly number[];
}

export interface PreparedEngine {
  /** Values in all of the model's variables, those that are not trained included. */
  readonly numParameters: number;
  /** Shape of one sample's output. */
  readonly outputShape: readonly number[];
  /** sha256 of the graph that trains, as hex: the bits of a step depend on it. Null where ops run one by one. */
  readonly graphDigest: string | null;
  readonly lowering: LoweringDecision | null;
  /** Whether steps take a loss scale, and may be skipped. */
  readonly scalesLoss: boolean;
}

/** A batch in memory that stays as it is until the call that takes it returns. */
export interface Batch {
  readonly numSamples: number;
  /** `[numSamples, ...]` of the inputs' field. Memory aligned to 64 bytes is not copied. */
  readonly inputs: TypedArray;
  readonly labels: TypedArray;
}

/** What changes from step to step. */
export interface StepScalars {
  /** Steps completed before this one. */
  readonly step: number;
  readonly learningRate: number;
  /** A power of two, where the loss is scaled. By default 1. */
  readonly lossScale?: number;
}

/** Sums over the samples of a batch: `loss` and each metric, in float64. */
export interface BatchSums {
  readonly numSamples: number;
  readonly sums: Readonly<Record<string, number>>;
}

/** The sums of a batch that was trained on. */
export interface TrainedSums extends BatchSums {
  /** Nothing was updated: the loss is finite, its gradients under this loss scale are not. */
  readonly isSkipped: boolean;
}

export function scalesLoss({ scalesLoss, precision, layerPrecision = {} }: EngineOptions): boolean {
  return scalesLoss ?? [precision, ...Object.values(layerPrecision)].includes("float16");
}

/** Steps that the runtime recorded. */
export interface RecordedSteps {
  readonly sums: readonly TrainedSums[];
  readonly recording: StepRecording | null;
}

/** Tensors by stable names: variables as `layer/weight`, the optimizer's as `layer/weight/slot`. */
export interface EngineState {
  readonly model: readonly NamedTensor[];
  readonly optimizer: readonly NamedTensor[];
  /** Scalars of the optimizer, such as `t`: the updates that it has made. */
  readonly optimizerScalars: Readonly<Record<string, number>>;
}
