import { AnnealError } from "@anneal/contracts";
import { type FieldSpec, formatField } from "@anneal/data";
import type { Tensor } from "@tensorflow/tfjs";
import type { Model, Recipe } from "../recipe/define.ts";
import { isLayersModel } from "./variables.ts";

/** What the checks before step 1 look at, each for one batch of zeros. */
export interface FitFacts {
  readonly recipe: Recipe;
  readonly inputs: FieldSpec;
  readonly labels: FieldSpec;
  readonly numClasses: number | null;
}

/**
 * Before the model is run: its inputs are one tensor of the data's shape.
 *
 * @throws AnnealError RECIPE_INVALID, SHAPE_MISMATCH
 */
export function checkModelInputs(model: Model, { inputs }: FitFacts): void {
  if (!isLayersModel(model)) {
    if (typeof model?.apply === "function" && typeof model.variables === "object") return;
    throw new AnnealError(
      "RECIPE_INVALID",
      "model() returned neither a LayersModel nor {variables, apply}",
      "Return a tf.LayersModel, or an object with variables and apply.",
    );
  }
  if (model.inputs === undefined || model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw new AnnealError(
      "RECIPE_INVALID",
      "the model must have one input and one output, and know its input's shape",
      "Give the first layer `inputShape`, and the model one input and one output.",
    );
  }
  const expected = model.inputs[0]!.shape.slice(1);
  const fits =
    expected.length === inputs.shape.length &&
    expected.every((size, axis) => size === null || size === inputs.shape[axis]);
  if (fits) return;
  throw new AnnealError(
    "SHAPE_MISMATCH",
    `the model takes inputs of shape [${expected.join(",")}], the data has ${formatField(inputs)}`,
    "Build the model with the `inputShape` that model() is given.",
    { model: `[${expected.join(",")}]`, data: formatField(inputs) },
  );
}

/**
 * After the model was run on a batch: outputs and labels go together.
 *
 * @throws AnnealError SHAPE_MISMATCH
 */
export function checkOutputs(outputs: Tensor, batchSize: number, { recipe, labels, numClasses }: FitFacts): void {
  const shapes = { outputs: `[${outputs.shape.join(",")}]`, labels: `[${[batchSize, ...labels.shape].join(",")}]` };
  const mismatch = (problem: string, remedy: string) =>
    new AnnealError(
      "SHAPE_MISMATCH",
      `${problem}: outputs are ${shapes.outputs}, labels ${shapes.labels}`,
      remedy,
      shapes,
    );
  if (outputs.shape[0] !== batchSize) {
    throw mismatch("the model's outputs are not one per sample", "Keep the batch as the outputs' first axis.");
  }
  const sample = outputs.shape.slice(1);
  if (recipe.loss === "softmaxCrossEntropy") {
    // Shares of each class, such as blended samples have.
    if (labels.dtype === "float32" && numClasses !== null && labels.shape.join() === sample.join()) return;
    if (labels.dtype === "float32") {
      throw mismatch("softmaxCrossEntropy needs class indices (int32)", "Give integer labels, or use another loss.");
    }
    if (sample.length !== labels.shape.length + 1 || labels.shape.some((size, axis) => size !== sample[axis])) {
      throw mismatch(
        "softmaxCrossEntropy needs one axis of classes more than the labels have",
        "End the model with one output per class, such as dense({units: numClasses}).",
      );
    }
    const numOutputs = sample.at(-1)!;
    if (numClasses !== null && numOutputs < numClasses) {
      throw mismatch(
        `the data has ${numClasses} classes and the model ${numOutputs} outputs`,
        `End the model with numClasses (${numClasses}) outputs.`,
      );
    }
  } else if (typeof recipe.loss === "string" && sample.join() !== labels.shape.join()) {
    throw mismatch(
      `${recipe.loss} needs outputs of the labels' shape`,
      "End the model with outputs of the labels' shape.",
    );
  }
}

/**
 * A loss must be a scalar, a metric a scalar or one value per sample.
 *
 * @throws AnnealError RECIPE_INVALID
 */
export function checkReported(what: string, value: unknown, batchSize: number, allowsPerSample: boolean): void {
  const shape = isTensor(value) ? value.shape : null;
  if (shape !== null && shape.length === 0) return;
  if (shape !== null && allowsPerSample && shape.length === 1 && shape[0] === batchSize) return;
  throw new AnnealError(
    "RECIPE_INVALID",
    `${what} returned ${shape === null ? String(value) : `a tensor of shape [${shape.join(",")}]`}`,
    allowsPerSample ? "Return a scalar, or one value per sample." : "Return a scalar: the mean over the batch.",
    { what },
  );
}

function isTensor(value: unknown): value is Tensor {
  return typeof value === "object" && value !== null && "shape" in value && "dataId" in value;
}
