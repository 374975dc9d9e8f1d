import * as tf from "@tensorflow/tfjs";
import { float, int } from "../inputs.ts";
import { differentiable, forwardOnly, type OpCases } from "./case.ts";

type Reduction = (x: tf.Tensor, axis?: number | number[], keepDims?: boolean) => tf.Tensor;

/** Over everything, over one axis, over several, and keeping the axes. */
function reductions(functions: Readonly<Record<string, Reduction>>): OpCases {
  return Object.fromEntries(
    Object.entries(functions).map(([name, run]) => [
      name,
      [
        differentiable([float([2, 3, 4])], (x: tf.Tensor) => run(x)),
        differentiable([float([2, 3, 4])], (x: tf.Tensor) => run(x, -1)),
        differentiable([float([2, 3, 4])], (x: tf.Tensor) => run(x, [0, 2])),
        differentiable([float([2, 3, 4])], (x: tf.Tensor) => run(x, 1, true)),
      ],
    ]),
  );
}

export const reductionCases: OpCases = {
  ...reductions({
    euclideanNorm: (x, axis, keepDims) => tf.euclideanNorm(x, axis, keepDims),
    logSumExp: tf.logSumExp,
    max: tf.max,
    mean: tf.mean,
    min: tf.min,
    norm: (x, axis, keepDims) => tf.norm(x, "euclidean", axis, keepDims),
    sum: tf.sum,
  }),
  // Its gradient takes no axis that is counted from the back.
  prod: [
    differentiable([float([2, 3, 4])], (x: tf.Tensor) => tf.prod(x)),
    differentiable([float([2, 3, 4])], (x: tf.Tensor) => tf.prod(x, [0, 2])),
    differentiable([float([2, 3, 4])], (x: tf.Tensor) => tf.prod(x, 1, true)),
    forwardOnly([float([2, 3, 4])], (x: tf.Tensor) => tf.prod(x, -1)),
  ],
  all: [forwardOnly([float([2, 3])], (x: tf.Tensor) => [tf.all(x.greater(-2)), tf.all(x.greater(0), 1)])],
  any: [forwardOnly([float([2, 3])], (x: tf.Tensor) => [tf.any(x.greater(0)), tf.any(x.greater(0.5), 0, true)])],
  // Their gradients are zeros.
  argMax: [
    differentiable([float([2, 3, 4])], tf.argMax),
    differentiable([float([2, 3])], (x: tf.Tensor) => tf.argMax(x, -1)),
  ],
  argMin: [
    differentiable([float([2, 3, 4])], tf.argMin),
    differentiable([float([2, 3])], (x: tf.Tensor) => tf.argMin(x, -1)),
  ],
  // Its gradient has the wrong shape along any axis but the last.
  cumsum: [
    differentiable([float([2, 3, 4])], (x: tf.Tensor) => tf.cumsum(x, 2)),
    forwardOnly([float([2, 3, 4])], (x: tf.Tensor) => tf.cumsum(x, 1)),
    differentiable([float([2, 3, 4])], (x: tf.Tensor) => tf.cumsum(x, 2, true, true)),
  ],
  cumprod: [forwardOnly([float([2, 3])], (x: tf.Tensor) => [tf.cumprod(x, 1), tf.cumprod(x, 0, true, true)])],
  moments: [
    differentiable([float([2, 3, 4])], (x: tf.Tensor) => Object.values(tf.moments(x, [0, 1]))),
    differentiable([float([2, 3])], (x: tf.Tensor) => Object.values(tf.moments(x, 1, true))),
  ],
  bincount: [
    forwardOnly([int([9], 4)], (x: tf.Tensor1D) => tf.bincount(x, tf.tensor1d([]), 5)),
    forwardOnly([int([9], 4), float([9])], (x: tf.Tensor1D, weights: tf.Tensor1D) => tf.bincount(x, weights, 3)),
  ],
  topk: [
    forwardOnly([float([2, 5])], (x: tf.Tensor) => Object.values(tf.topk(x, 3, true))),
    forwardOnly([float([5])], (x: tf.Tensor) => Object.values(tf.topk(x, 1, true))),
  ],
  softmax: [
    differentiable([float([2, 3])], (x: tf.Tensor) => tf.softmax(x)),
    differentiable([float([2, 2, 3], { from: -20, to: 20 })], (x: tf.Tensor) => tf.softmax(x)),
  ],
  logSoftmax: [
    differentiable([float([2, 3])], (x: tf.Tensor) => tf.logSoftmax(x)),
    differentiable([float([2, 2, 3], { from: -20, to: 20 })], (x: tf.Tensor) => tf.logSoftmax(x)),
  ],
};
