import type { ComputePrecision, ExportSpecInput } from "@anneal/contracts";
import type { Dataset } from "@anneal/data";
import type { LayersModel, Tensor, Variable } from "@tensorflow/tfjs";
import type { z } from "zod";
import type { OptimizerSpec } from "../optimizers/specs.ts";
import type { Loss } from "./losses.ts";
import type { Metric } from "./metrics.ts";

/** A recipe's parameters: a zod object whose fields all have defaults. */
export type ParameterSchema = z.ZodObject;

export interface DataContext<Parameters> {
  readonly parameters: Parameters;
  /** Absolute path of the folder the recipe was written in: relative data paths start here. */
  readonly recipeDir: string;
  /** The run's seed, for splits. */
  readonly seed: number;
}

export interface RecipeData {
  readonly train: Dataset;
  /** Seen after each epoch: decides which checkpoint is best, and early stopping. */
  readonly validation?: Dataset | undefined;
  /** Seen once, by the evaluation at the end. */
  readonly test?: Dataset | undefined;
}

export interface ModelContext<Parameters> {
  readonly parameters: Parameters;
  /** Shape of one sample's input after the transforms, without the batch. */
  readonly inputShape: number[];
  /** Number of classes; where the labels are not classes, the number of values in one label. */
  readonly numClasses: number;
}

/** A model as a function over named variables, for those who do not want layers. */
export interface FunctionModel {
  /** Every tensor that is trained or kept between steps; those with `trainable: false` get no gradient. */
  readonly variables: Readonly<Record<string, Variable>>;
  /** Outputs for a batch of inputs, `[batch, ...]`. Must be differentiable in the trainable variables. */
  readonly apply: (inputs: Tensor, options: { readonly training: boolean }) => Tensor;
}

export type Model = LayersModel | FunctionModel;

/** A function model, for the sake of its types: `apply`'s arguments are inferred. */
export function functionModel(model: FunctionModel): FunctionModel {
  return model;
}

export interface OptimizerContext<Parameters> {
  readonly parameters: Parameters;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
}

export interface EarlyStopping {
  /** Epochs without improvement after which the run ends. */
  readonly patience: number;
  /** Smallest change that counts as an improvement. Default 0. */
  readonly minDelta?: number;
}

export interface TrainingOptions {
  readonly epochs: number;
  readonly batchSize: number;
  /** Default: `batchSize`. */
  readonly evaluationBatchSize?: number;
  /**
   * What decides which checkpoint is best: a metric's name or `loss`, alone or after `train/` or `validation/`.
   * Default: the first metric (the loss where there is none), on the validation data if the recipe has any.
   */
  readonly monitor?: string;
  readonly earlyStopping?: EarlyStopping;
  /**
   * Layers that are computed in a number format of their own, whatever the run's precision: names of layers, or patterns such as
   * `block3*`; of several that fit a layer, the last one holds.
   */
  readonly layerPrecision?: Readonly<Record<string, ComputePrecision>>;
  /**
   * Files to write of the trained model for other runtimes, as `anneal export` does, once training is over: into
   * `exports/<format>-<precision>` of the run's folder, one for each pair.
   */
  readonly exports?: readonly ExportSpecInput[];
  /** Checkpoint directory whose weights to start from, absolute or relative to the recipe's folder. */
  readonly initialWeights?: string;
}

/** What a recipe's author writes. */
export interface RecipeDefinition<Schema extends ParameterSchema> {
  /** Letters, digits, dots, dashes: shown everywhere a run is shown. */
  readonly name: string;
  /** One line for lists and `--help`. */
  readonly description?: string;
  readonly parameters: Schema;
  // Methods, not function properties: a recipe with any parameters is then a `Recipe`.
  data(context: DataContext<z.output<Schema>>): RecipeData | Promise<RecipeData>;
  model(context: ModelContext<z.output<Schema>>): Model;
  readonly loss: Loss;
  readonly metrics?: Readonly<Record<string, Metric>>;
  optimizer(context: OptimizerContext<z.output<Schema>>): OptimizerSpec;
  training(context: { readonly parameters: z.output<Schema> }): TrainingOptions;
}

/** A recipe of whatever parameters: what a recipe's module has as its default export. */
export interface Recipe<Schema extends ParameterSchema = ParameterSchema> extends RecipeDefinition<Schema> {
  readonly kind: typeof recipeKind;
}

/** Marks recipes even across two copies of this module. */
export const recipeKind = "anneal-recipe/1";

/**
 * Declares a recipe. The types of its functions follow from the parameter schema.
 *
 * @example
 * export default defineRecipe({
 *   name: "digits",
 *   parameters: z.object({ epochs: z.int().min(1).default(3) }),
 *   data: () => ({ train: mnist({ split: "train" }) }),
 *   ...
 * });
 */
export function defineRecipe<Schema extends ParameterSchema>(definition: RecipeDefinition<Schema>): Recipe<Schema> {
  return Object.freeze({ ...definition, kind: recipeKind } as const);
}
