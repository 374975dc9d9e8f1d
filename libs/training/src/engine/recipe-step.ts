import type { ScopeFunction } from "@anneal/compiler";
import { AnnealError, type ComputePrecision } from "@anneal/contracts";
import { type FieldSpec, numElements, type TypedArray } from "@anneal/data";
import type { Tfjs } from "@anneal/runtime";
import type { Tensor, Variable } from "@tensorflow/tfjs";
import type { Model } from "../recipe/define.ts";
import { guardRecipe } from "../recipe/guard.ts";
import { layerPrecisionOf } from "../recipe/layer-precision.ts";
import { type LossFunction, resolveLoss } from "../recipe/losses.ts";
import type { Metric } from "../recipe/metrics.ts";
import { modelContext } from "../recipe/model-context.ts";
import { checkModelInputs, checkOutputs, checkReported } from "./fit-check.ts";
import type { BatchSums, EngineOptions } from "./step-engine.ts";
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
  // `dense({units: 1})` against scalar labels: without this, subtraction would broadcast to [batch, batch].
  const isColumn = outputs.rank === labelShape.length + 1 && outputs.shape.at(-1) === 1;
  return isColumn && step.options.recipe.loss !== "softmaxCrossEntropy" ? outputs.squeeze([-1]) : outputs;
}

/** Sums of loss and metrics over the batch as one small array, in the order of `toSums`; and the loss, a mean. */
export function evaluate(tf: Tfjs, step: RecipeStep, inputs: Tensor, labels: Tensor) {
  const outputs = forward(step, inputs, labels.shape, false);
  const loss = step.scope("loss", () => step.loss(labels, outputs));
  return { loss, report: report(tf, step, loss, labels, outputs) };
}

/** The same while training, and the gradients by TensorFlow.js's name of the variable. `report` and `loss` are kept. */
export function differentiate(tf: Tfjs, step: RecipeStep, inputs: Tensor, labels: Tensor) {
  let kept: { readonly loss: Tensor; readonly report: Tensor } | undefined;
  const { grads } = tf.variableGrads(
    () => {
      const outputs = forward(step, inputs, labels.shape, true);
      const loss = step.scope("loss", () => step.loss(labels, outputs));
      kept = { loss: tf.keep(loss.clone()), report: tf.keep(report(tf, step, loss, labels, outputs)) };
      return step.scope("regularization", () => tf.add(loss, regularization(tf, step.model)).asScalar());
    },
    step.trained.map(({ variable }) => variable) as Variable[],
  );
  return { ...kept!, gradients: grads };
}

/** Checks the fit of data, model, loss and metrics on one batch, before a step is taken; returns the shape of one output. */
export function checkFit(tf: Tfjs, step: RecipeStep, inputs: Tensor, labels: Tensor): number[] {
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
  const { report, loss: trained } = differentiate(tf, step, inputs, labels);
  tf.dispose([report, trained]);
  return outputs.shape.slice(1);
}

/** What `report` holds, by name. */
export function toSums({ metrics }: RecipeStep, values: ArrayLike<number>, numSamples: number): BatchSums {
  const names = ["loss", ...metrics.map(([name]) => name)];
  return { numSamples, sums: Object.fromEntries(names.map((name, index) => [name, values[index] ?? Number.NaN])) };
}

/**
 * @param gradientScale finite where every gradient is
 * @throws AnnealError LOSS_NOT_FINITE
 */
export function checkFinite({ numSamples, sums }: BatchSums, gradientScale: number, step: number): void {
  const loss = (sums.loss ?? 0) / numSamples;
  if (Number.isFinite(loss) && Number.isFinite(gradientScale)) return;
  const what = Number.isFinite(loss)
    ? `a gradient of step ${step + 1} is not finite`
    : `the loss of step ${step + 1} is ${loss}`;
  throw new AnnealError(
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
