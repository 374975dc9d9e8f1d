import type { Tensor } from "@tensorflow/tfjs";

/**
 * Losses by name, each the mean over the batch.
 *
 * - `softmaxCrossEntropy`: labels are class indices (int32, `[batch]` or `[batch, ...]`), outputs are logits
 *   (float32, labels' shape and one axis of classes more); or labels are shares of each class (float32, outputs' shape). Computed from the log-softmax, so it never clips.
 * - `sigmoidCrossEntropy`: labels are 0..1 (float32), outputs are logits of the same shape.
 * - `meanSquaredError`: labels and outputs are float32 of the same shape.
 */
export const lossNames = ["softmaxCrossEntropy", "sigmoidCrossEntropy", "meanSquaredError"] as const;
export type LossName = (typeof lossNames)[number];

/** A loss of the recipe's own: a scalar, the mean over the batch. Must be differentiable in `outputs`. */
export type LossFunction = (labels: Tensor, outputs: Tensor) => Tensor;

export type Loss = LossName | LossFunction;

// Written with tensors' own methods: this module stays loadable without TensorFlow.js.
const lossFunctions: Readonly<Record<LossName, LossFunction>> = {
  softmaxCrossEntropy(labels, outputs) {
    const numClasses = outputs.shape.at(-1) ?? 1;
    const logProbabilities = outputs.logSoftmax(-1);
    const shares = hasShares(labels, outputs) ? labels.toFloat() : labels.toInt().oneHot(numClasses, 1, 0).toFloat();
    return shares.mul(logProbabilities).sum(-1).mean().neg();
  },
  sigmoidCrossEntropy(labels, outputs) {
    // max(x, 0) - x z + log(1 + exp(-|x|)): the form that neither overflows nor cancels.
    const z = labels.toFloat();
    return outputs.relu().sub(outputs.mul(z)).add(outputs.abs().neg().exp().log1p()).mean();
  },
  meanSquaredError(labels, outputs) {
    return outputs.sub(labels.toFloat()).square().mean();
  },
};

/** Whether labels are shares of each class, such as blended samples have, rather than class indices. */
export function hasShares(labels: Tensor, outputs: Tensor): boolean {
  return labels.rank === outputs.rank && labels.shape.at(-1) === outputs.shape.at(-1) && labels.dtype === "float32";
}

/** The function behind a recipe's loss. */
export function resolveLoss(loss: Loss): LossFunction {
  return typeof loss === "function" ? loss : lossFunctions[loss];
}
