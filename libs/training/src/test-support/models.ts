import type { FieldSpec } from "@anneal/data";
import * as tf from "@tensorflow/tfjs";
import { functionModels } from "./function-models.ts";
import { imageModels } from "./image-models.ts";
import { sequenceModels } from "./sequence-models.ts";
import { classes, type WholeModel } from "./whole-model.ts";

function numbers(shape: readonly number[]) {
  return { labels: { shape, dtype: "float32" }, numClasses: null } as const;
}

const vectors: FieldSpec = { shape: [7], dtype: "float32" };

const vectorModels: Readonly<Record<string, WholeModel>> = {
  "multi-layer perceptron": {
    ...classes,
    inputs: vectors,
    model: () =>
      tf.sequential({
        layers: [
          tf.layers.dense({ inputShape: [7], units: 12, activation: "relu", kernelRegularizer: "l1l2" }),
          tf.layers.dropout({ rate: 0.3 }),
          tf.layers.dense({ units: 8, activation: "tanh" }),
          tf.layers.dense({ units: 3 }),
        ],
      }),
  },
  "regression by mean squared error": {
    ...numbers([]),
    loss: "meanSquaredError",
    inputs: vectors,
    model: () =>
      tf.sequential({
        layers: [
          tf.layers.layerNormalization({ inputShape: [7] }),
          tf.layers.dense({ units: 12, activation: "softplus" }),
          tf.layers.gaussianNoise({ stddev: 0.1 }),
          tf.layers.dense({ units: 1 }),
        ],
      }),
  },
  "several labels by sigmoids": {
    ...numbers([4]),
    loss: "sigmoidCrossEntropy",
    inputs: vectors,
    model: () =>
      tf.sequential({
        layers: [
          tf.layers.dense({ inputShape: [7], units: 10 }),
          tf.layers.batchNormalization({ momentum: 0.8 }),
          tf.layers.leakyReLU(),
          tf.layers.dense({ units: 4 }),
        ],
      }),
  },
  "a loss of the recipe's own": {
    ...numbers([2]),
    loss: (labels, outputs) => tf.losses.huberLoss(labels, outputs).add(tf.losses.logLoss(labels, outputs.sigmoid())),
    inputs: vectors,
    model: () =>
      tf.sequential({
        layers: [
          tf.layers.dense({ inputShape: [7], units: 6, activation: "selu" }),
          tf.layers.alphaDropout({ rate: 0.2 }),
          tf.layers.dense({ units: 2 }),
        ],
      }),
  },
};

export const wholeModels: Readonly<Record<string, WholeModel>> = {
  ...vectorModels,
  ...imageModels,
  ...sequenceModels,
  ...functionModels,
};
