import * as tf from "@tensorflow/tfjs";
import { float, int } from "../inputs.ts";
import { differentiable, forwardOnly, type OpCases } from "./case.ts";

const images = float([2, 4, 5, 3]);
const boxes = [
  [0, 0, 1, 1],
  [0.1, 0.2, 0.8, 0.9],
  [0.5, 0.5, 1.2, 1],
];

/** Reading and writing where other values say, and images. */
export const indexingCases: OpCases = {
  gather: [
    differentiable([float([4, 3]), int([5], 4)], (x: tf.Tensor, at: tf.Tensor1D) => tf.gather(x, at)),
    differentiable([float([2, 4, 3]), int([2, 2], 3)], (x: tf.Tensor, at: tf.Tensor) => tf.gather(x, at as never, 2)),
    differentiable([float([2, 4, 3]), int([2, 5], 4)], (x: tf.Tensor, at: tf.Tensor) =>
      tf.gather(x, at as never, 1, 1),
    ),
    differentiable([float([4, 3])], (x: tf.Tensor) => tf.gather(x, tf.tensor1d([2, 0], "int32"))),
  ],
  gatherND: [forwardOnly([float([4, 3]), int([5, 2], 3)], tf.gatherND)],
  scatterND: [
    forwardOnly([int([3, 1], 5), float([3, 2])], (at: tf.Tensor, updates: tf.Tensor) =>
      tf.scatterND(at, updates, [5, 2]),
    ),
  ],
  tensorScatterUpdate: [forwardOnly([float([5, 2]), int([3, 1], 5), float([3, 2])], tf.tensorScatterUpdate)],
  sparseToDense: [
    forwardOnly([float([3])], (values: tf.Tensor) =>
      tf.sparseToDense(tf.tensor1d([0, 2, 4], "int32"), values, [6], 0.5),
    ),
  ],
  unsortedSegmentSum: [
    differentiable([float([5, 2]), int([5], 3)], (x: tf.Tensor, at: tf.Tensor1D) => tf.unsortedSegmentSum(x, at, 3)),
  ],
  oneHot: [
    forwardOnly([int([2, 3], 4)], (x: tf.Tensor) => tf.oneHot(x as tf.Tensor1D, 4)),
    // Of a float that is cast: its gradient is zeros.
    differentiable([float([5], { from: 0, to: 4 })], (x: tf.Tensor) =>
      tf.oneHot(x.toInt() as tf.Tensor1D, 4, 0.9, 0.1),
    ),
  ],
  diag: [forwardOnly([float([3])], tf.diag)],
  "math.confusionMatrix": [
    forwardOnly([int([6], 3), int([6], 3)], (a: tf.Tensor1D, b: tf.Tensor1D) => tf.math.confusionMatrix(a, b, 3)),
  ],
  movingAverage: [
    forwardOnly([float([3])], (x: tf.Tensor) => {
      const average = tf.variable(tf.zeros([3]));
      const next = tf.movingAverage(average, x, 0.9, undefined, false);
      average.dispose();
      return next;
    }),
  ],
  "image.resizeBilinear": [
    differentiable([images], (x: tf.Tensor4D) => tf.image.resizeBilinear(x, [7, 3])),
    differentiable([images], (x: tf.Tensor4D) => tf.image.resizeBilinear(x, [8, 8], true)),
    differentiable([images], (x: tf.Tensor4D) => tf.image.resizeBilinear(x, [8, 8], false, true)),
  ],
  "image.resizeNearestNeighbor": [
    differentiable([images], (x: tf.Tensor4D) => tf.image.resizeNearestNeighbor(x, [8, 10])),
    differentiable([images], (x: tf.Tensor4D) => tf.image.resizeNearestNeighbor(x, [2, 7], true)),
  ],
  "image.cropAndResize": [
    forwardOnly([images, int([3], 2)], (x: tf.Tensor4D, at: tf.Tensor1D) =>
      tf.image.cropAndResize(x, tf.tensor2d(boxes), at, [3, 3]),
    ),
  ],
  "image.flipLeftRight": [forwardOnly([images], (x: tf.Tensor4D) => tf.image.flipLeftRight(x))],
  "image.grayscaleToRGB": [differentiable([float([2, 3, 1])], (x: tf.Tensor3D) => tf.image.grayscaleToRGB(x))],
  "image.rgbToGrayscale": [forwardOnly([images], (x: tf.Tensor4D) => tf.image.rgbToGrayscale(x))],
  "image.threshold": [
    forwardOnly([float([4, 5, 1], { from: 0, to: 255 })], (x: tf.Tensor3D) =>
      tf.image.threshold(x, "binary", false, 0.5),
    ),
  ],
};
