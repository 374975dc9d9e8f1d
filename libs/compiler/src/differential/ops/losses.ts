import * as tf from "@tensorflow/tfjs";
import { float, int } from "../inputs.ts";
import { differentiable, forwardOnly, type OpCase, type OpCases } from "./case.ts";

const probabilities = { from: 0.1, to: 0.9 };
const pair = [float([4, 3], probabilities), float([4, 3], probabilities)];
const twoClasses = [int([6], 2), int([6], 2)];

type Compare = (labels: never, predictions: never) => tf.Tensor;

function compared(run: Compare): readonly OpCase[] {
  return [differentiable(pair, run)];
}

function counted(run: Compare): readonly OpCase[] {
  return [forwardOnly(pair, run)];
}

/** Losses and metrics as functions of labels and predictions. */
export const lossCases: OpCases = {
  "losses.absoluteDifference": compared(tf.losses.absoluteDifference),
  "losses.cosineDistance": compared((a: tf.Tensor, b: tf.Tensor) => tf.losses.cosineDistance(a, b, 1)),
  "losses.hingeLoss": compared(tf.losses.hingeLoss),
  "losses.huberLoss": compared(tf.losses.huberLoss),
  "losses.logLoss": compared(tf.losses.logLoss),
  "losses.meanSquaredError": compared(tf.losses.meanSquaredError),
  "losses.sigmoidCrossEntropy": compared(tf.losses.sigmoidCrossEntropy),
  "losses.softmaxCrossEntropy": compared(tf.losses.softmaxCrossEntropy),
  "losses.computeWeightedLoss": [
    differentiable([float([2, 3])], (x: tf.Tensor) =>
      tf.losses.computeWeightedLoss(x.square(), tf.tensor2d([0.5, 0, 2], [1, 3])),
    ),
    differentiable([float([2, 3])], (x: tf.Tensor) =>
      tf.losses.computeWeightedLoss(x.square(), undefined, tf.Reduction.SUM),
    ),
  ],
  "metrics.MAPE": compared(tf.metrics.MAPE),
  "metrics.MSE": compared(tf.metrics.MSE),
  "metrics.mape": compared(tf.metrics.mape),
  "metrics.mse": compared(tf.metrics.mse),
  "metrics.meanAbsoluteError": compared(tf.metrics.meanAbsoluteError),
  "metrics.meanAbsolutePercentageError": compared(tf.metrics.meanAbsolutePercentageError),
  "metrics.meanSquaredError": compared(tf.metrics.meanSquaredError),
  "metrics.binaryCrossentropy": compared(tf.metrics.binaryCrossentropy),
  "metrics.categoricalCrossentropy": compared(tf.metrics.categoricalCrossentropy),
  "metrics.cosineProximity": compared(tf.metrics.cosineProximity),
  "metrics.r2Score": compared(tf.metrics.r2Score),
  "metrics.binaryAccuracy": counted(tf.metrics.binaryAccuracy),
  "metrics.categoricalAccuracy": counted(tf.metrics.categoricalAccuracy),
  "metrics.sparseCategoricalAccuracy": [
    forwardOnly([int([4, 1], 3), float([4, 3])], (labels: tf.Tensor, outputs: tf.Tensor) =>
      tf.metrics.sparseCategoricalAccuracy(labels.toFloat(), outputs),
    ),
  ],
  "metrics.precision": [forwardOnly(twoClasses, tf.metrics.precision)],
  "metrics.recall": [forwardOnly(twoClasses, tf.metrics.recall)],
};
