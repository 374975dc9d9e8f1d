import { arrays, type FieldSpec } from "@anneal/data";
import * as tf from "@tensorflow/tfjs";
import { z } from "zod";
import type { Batch, EngineOptions } from "../engine/step-engine.ts";
import { adam } from "../optimizers/specs.ts";
import { defineRecipe, type ModelContext, type Recipe, type RecipeDefinition } from "../recipe/define.ts";
import { accuracy } from "../recipe/metrics.ts";

const tinyInputs: FieldSpec = { shape: [6, 6, 1], dtype: "float32" };
const tinyLabels: FieldSpec = { shape: [], dtype: "int32" };
const parameters = z.object({ units: z.int().default(4) });
type TinyContext = ModelContext<z.output<typeof parameters>>;

/** A model with everything that makes resuming hard: batch normalisation, dropout, and weights of random origin. */
export function tinyModel({ inputShape, numClasses }: Pick<TinyContext, "inputShape" | "numClasses">): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape, filters: 3, kernelSize: 3, name: "stem" }),
      tf.layers.batchNormalization({ momentum: 0.5 }),
      tf.layers.reLU(),
      tf.layers.flatten(),
      tf.layers.dense({ units: 5 }),
      tf.layers.dropout({ rate: 0.4 }),
      tf.layers.dense({ units: numClasses }),
    ],
  });
}

/** A recipe in this process, all of it replaceable. */
export function tinyRecipe(changes: Partial<RecipeDefinition<typeof parameters>> = {}): Recipe<typeof parameters> {
  return defineRecipe({
    name: "tiny",
    parameters,
    data: () => ({ train: arrays({ inputs: new Float32Array(36), inputShape: [6, 6, 1], labels: new Int32Array(1) }) }),
    model: tinyModel,
    loss: "softmaxCrossEntropy",
    metrics: { accuracy: accuracy() },
    optimizer: () => adam({ learningRate: 0.01 }),
    training: () => ({ epochs: 1, batchSize: 8 }),
    ...changes,
  });
}

export function tinyOptions(changes: Partial<EngineOptions> = {}): EngineOptions {
  return {
    recipe: tinyRecipe(),
    recipePath: "/recipes/tiny.ts",
    parameters: { units: 4 },
    seed: 7,
    batchSize: 8,
    inputs: tinyInputs,
    labels: tinyLabels,
    numClasses: 3,
    optimizer: adam({ learningRate: 0.01 }),
    initialWeights: null,
    ...changes,
  };
}

/** A batch that is a function of its number: patterns that a model can learn, in memory of its own. */
export function tinyBatch(number: number, numSamples = 8): Batch {
  const inputs = new Float32Array(numSamples * 36);
  const labels = new Int32Array(numSamples);
  for (let sample = 0; sample < numSamples; sample++) {
    const label = (number * 5 + sample * 7) % 3;
    labels[sample] = label;
    for (let i = 0; i < 36; i++)
      inputs[sample * 36 + i] = Math.sin((i + 1) * (label + 1) + number * 0.37 + sample * 0.11);
  }
  return { numSamples, inputs, labels };
}
