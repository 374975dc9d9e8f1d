import type { ScopeFunction } from "@anneal/compiler";
import { AnnealError, type ComputePrecision } from "@anneal/contracts";
import { type FieldSpec, numElements, type TypedArray } from "@anneal/data";
import { leastLossScale } from "@anneal/policy";
import type { Tfjs } from "@anneal/runtime";
import type { Tensor, Variable } from "@tensorflow/tfjs";
import type { Model } from "../recipe/define.ts";
import { guardRecipe } from "../recipe/guard.ts";
import { layerPrecisionOf } from "../recipe/layer-precision.ts";
import { type LossFunction, resolveLoss } from "../recipe/losses.ts";
import type { Metric } from "../recipe/metrics.ts";
import { modelContext } from "../recipe/model-context.ts";
import { checkModelInputs, checkOutputs, checkReported } from "./fit-check.ts";
import type { BatchSums, EngineOptions, StepScalars, TrainedSums } from "./step-engine.ts";
import { isLayersModel, type NamedVariable, namedLayers, namedVariables } from "./variables.ts";

/**
 * What a recipe makes of a batch, as functions of tensors: the same for the engine that runs them and for the one that
 * traces them.
 */
export interface RecipeStep {
  readonly options: EngineOptions;
  readonly model: Model;
  readonly variables: readonly NamedVariable[];
  /** Those of `variables` that are trained; at least one. */
  readonly trained: readonly NamedVariable[];
  /** Layers that are computed in another number format than the step. */
  readonly layerPrecision: ReadonlyMap<string, ComputePrecision>;
  readonly loss: LossFunction;
  readonly metrics: readonly (readonly [string, Metric])[];
  /** Runs a part of the step under a name, which the ops in it bear where they are recorded. */
  readonly scope: ScopeFunction;
}

/**
 * Builds the model with its initial weights; a source of seeded random numbers is in force.
 *
 * @throws AnnealError RECIPE_THREW, RECIPE_INVALID, SHAPE_MISMATCH (inputs)
 */
export function buildRecipeStep(options: EngineOptions): RecipeStep {
  const model = guardRecipe("model()", options.recipePath, () => options.recipe.model(modelContext(options)));
  checkModelInputs(model, options);
  const variables = namedVariables(model);
  const trained = variables.filter(({ trainable }) => trainable);
  if (trained.length === 0) {
    throw new AnnealError("RECIPE_INVALID", "the model has nothing to train", "Leave at least one layer trainable.");
  }
  const layers = isLayersModel(model) ? namedLayers(model.layers).map(({ name }) => name) : [];
  return {
    options,
    model,
    variables,
    trained,
    layerPrecision: layerPrecisionOf(options.layerPrecision ?? {}, layers),
    loss: resolveLoss(options.recipe.loss),
    metrics: Object.entries(options.recipe.metrics ?? {}),
    scope: (_name, run) => run(),
  };
}

export function numParametersOf({ variables }: RecipeStep): number {
  return variables.reduce((sum, { variable }) => sum + variable.size, 0);
}

/** @throws RangeError when values are not those of so many samples of a field */
export function checkBatch(values: TypedArray, field: FieldSpec, numSamples: number): void {
  const expected = numSamples * numElements(field.shape);
  if (values.length !== expected) throw new RangeError(`a batch of ${numSamples} samples must have ${expected} values`);
}

/** Outputs as loss and metrics see them. */
function forward(step: RecipeStep, inputs: Tensor, labelShape: readonly number[], training: boolean): Tensor {
  const outputs = step.scope("model", () => step.model.apply(inputs, { training }) as Tensor);
  return asJudged(step, outputs, labelShape);
}

function asJudged(step: RecipeStep, outputs: Tensor, labelShape: readonly number[]): Tensor {
  // `dense({units: 1})` against scalar labels: without this, subtraction would broadcast to [batch, batch].
  const isColumn = outputs.rank === labelShape.length + 1 && outputs.shape.at(-1) === 1;
  return isColumn && step.options.recipe.loss !== "softmaxCrossEntropy" ? outputs.squeeze([-1]) : outputs;
}

function lossOf(step: RecipeStep, inputs: Tensor, labels: Tensor, training: boolean) {
  const outputs = forward(step, inputs, labels.shape, training);
  return { outputs, loss: step.scope("loss", () => step.loss(labels, outputs)) };
}

/** Sums of loss and metrics over the batch as one small array, in the order of `toSums`; and the loss, a mean. */
export function evaluate(tf: Tfjs, step: RecipeStep, inputs: Tensor, labels: Tensor) {
  const { outputs, loss } = lossOf(step, inputs, labels, false);
  return { loss, report: report(tf, step, loss, labels, outputs) };
}

/** The same of outputs that are there already, as another runtime gave them. */
export function judge(tf: Tfjs, step: RecipeStep, outputs: Tensor, labels: Tensor): Tensor {
  const judged = asJudged(step, outputs, labels.shape);
  return report(tf, step, step.loss(labels, judged), labels, judged);
}

/** The loss alone, a mean, as training sees it. */
export function trainingLoss(step: RecipeStep, inputs: Tensor, labels: Tensor): Tensor {
  return lossOf(step, inputs, labels, true).loss;
}

/**
 * Loss and metrics while training, and the gradients by the names of those trained variables that have one. `report` and `loss` are kept.
 *
 * @param factor what the loss is multiplied by before the gradients are taken, float32 of shape []
 */
export function differentiate(
  tf: Tfjs,
  step: RecipeStep,
  inputs: Tensor,
  labels: Tensor,
  factor: Tensor | null = null,
) {
  let kept: { readonly loss: Tensor; readonly report: Tensor } | undefined;
  const { grads } = tf.variableGrads(
    () => {
      const { outputs, loss } = lossOf(step, inputs, labels, true);
      kept = { loss: tf.keep(loss.clone()), report: tf.keep(report(tf, step, loss, labels, outputs)) };
      return step.scope("regularization", () => {
        const total = tf.add(loss, regularization(tf, step.model));
        return (factor === null ? total : total.mul(factor)).asScalar();
      });
    },
    step.trained.map(({ variable }) => variable) as Variable[],
  );
  const gradients = step.trained.flatMap(({ name, variable }): readonly (readonly [string, Tensor])[] => {
    const gradient = grads[variable.name];
    return gradient === undefined ? [] : [[name, gradient]];
  });
  return { ...kept!, gradients: new Map(gradients) };
}

/** What a batch shows of a step, before one is taken. */
export interface Fit {
  /** Shape of one sample's output. */
  readonly outputShape: readonly number[];
  /** Names of the variables that the loss has a gradient in. */
  readonly differentiated: ReadonlySet<string>;
}

/** Checks the fit of data, model, loss and metrics on one batch, before a step is taken. */
export function checkFit(tf: Tfjs, step: RecipeStep, inputs: Tensor, labels: Tensor): Fit {
  const { options } = step;
  const { batchSize, recipePath } = options;
  const outputs = forward(step, inputs, labels.shape, false);
  checkOutputs(outputs, batchSize, options);
  const loss = guardRecipe("loss()", recipePath, () => step.loss(labels, outputs));
  checkReported("loss()", loss, batchSize, false);
  for (const [name, metric] of step.metrics) {
    const what = `metrics.${name}`;
    const value = guardRecipe(what, recipePath, () => metric.compute(labels, outputs));
    checkReported(what, value, batchSize, true);
  }
  const { report, loss: trained, gradients } = differentiate(tf, step, inputs, labels);
  tf.dispose([report, trained]);
  return { outputShape: outputs.shape.slice(1), differentiated: new Set(gradients.keys()) };
}

/** What `report` holds, by name. */
export function toSums({ metrics }: RecipeStep, values: ArrayLike<number>, numSamples: number): BatchSums {
  const names = ["loss", ...metrics.map(([name]) => name)];
  return { numSamples, sums: Object.fromEntries(names.map((name, index) => [name, values[index] ?? Number.NaN])) };
}

/**
 * Sums of a step, once it is known whether it has updated anything.
 *
 * @param gradientScale finite where every gradient is
 * @throws AnnealError LOSS_NOT_FINITE, but not where a lower loss scale may help
 */
export function toTrained(sums: BatchSums, gradientScale: number, { step, lossScale = 1 }: StepScalars): TrainedSums {
  const loss = (sums.sums.loss ?? 0) / sums.numSamples;
  const isSound = Number.isFinite(gradientScale);
  if (Number.isFinite(loss) && (isSound || lossScale > leastLossScale)) return { ...sums, isSkipped: !isSound };
  throw notFinite(loss, step);
}

export function notFinite(loss: number, step: number): AnnealError {
  const what = Number.isFinite(loss)
    ? `a gradient of step ${step + 1} is not finite`
    : `the loss of step ${step + 1} is ${loss}`;
  return new AnnealError(
    "LOSS_NOT_FINITE",
    what,
    "Lower the learning rate, clip the gradients (clipNorm), or look for values in the data that are not finite.",
    { step: step + 1, loss: String(loss) },
  );
}

/** Penalties that layers declare (`kernelRegularizer`): trained on, but not part of the loss that is reported. */
function regularization(tf: Tfjs, model: Model): Tensor {
  if (!isLayersModel(model)) return tf.scalar(0);
  // Protected by its type only.
  const losses = (model as unknown as { calculateLosses(): Tensor[] }).calculateLosses();
  return losses.length === 0 ? tf.scalar(0) : tf.addN(losses);
}

function report(tf: Tfjs, { metrics, scope }: RecipeStep, loss: Tensor, labels: Tensor, outputs: Tensor): Tensor {
  return scope("metrics", () => {
    // Per-sample values are summed here: a mean times the number of samples would round.
    const sums = metrics.map(([, metric]) => {
      const values = metric.compute(labels, outputs).toFloat();
      return values.rank === 0 ? values.mul(outputs.shape[0]!) : values.sum();
    });
    return tf.stack([loss.mul(outputs.shape[0]!).asScalar(), ...sums]);
  });
}
