import * as tf from "@tensorflow/tfjs";
import { float } from "../inputs.ts";
import { differentiable, forwardOnly, type OpCases } from "./case.ts";

const image = float([2, 5, 6, 3]);
const filter = float([3, 2, 3, 4]);
/** Mean, variance, offset and scale. Without the last two the gradient fails. */
const statistics = [float([3]), float([3], { from: 0.5, to: 2 }), float([3]), float([3])];
type Images = tf.Tensor4D;
type Statistics = [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];

/** Convolutions, pools and what else slides a window, and normalisation of channels. */
export const convolutionCases: OpCases = {
  conv1d: [
    differentiable([float([2, 7, 3]), float([3, 3, 4])], (x: tf.Tensor3D, w: tf.Tensor3D) =>
      tf.conv1d(x, w, 1, "same"),
    ),
    differentiable([float([2, 7, 3]), float([3, 3, 4])], (x: tf.Tensor3D, w: tf.Tensor3D) =>
      tf.conv1d(x, w, 2, "valid"),
    ),
  ],
  conv2d: [
    differentiable([image, filter], (x: Images, w: Images) => tf.conv2d(x, w, 1, "same")),
    differentiable([image, filter], (x: Images, w: Images) => tf.conv2d(x, w, [2, 1], "valid")),
    forwardOnly([image, filter], (x: Images, w: Images) =>
      tf.conv2d(x, w, 1, [
        [0, 0],
        [1, 2],
        [0, 1],
        [0, 0],
      ]),
    ),
    forwardOnly([image, filter], (x: Images, w: Images) => tf.conv2d(x, w, 1, "same", "NHWC", 2)),
    differentiable([float([5, 6, 3]), filter], (x: tf.Tensor3D, w: Images) => tf.conv2d(x, w, 1, "valid")),
  ],
  conv2dTranspose: [
    differentiable([float([2, 3, 3, 4]), filter], (x: Images, w: Images) =>
      tf.conv2dTranspose(x, w, [2, 6, 6, 3], 2, "same"),
    ),
  ],
  conv3d: [
    differentiable([float([1, 3, 4, 4, 2]), float([2, 2, 2, 2, 3])], (x: tf.Tensor5D, w: tf.Tensor5D) =>
      tf.conv3d(x, w, 1, "same"),
    ),
    differentiable([float([1, 3, 4, 4, 2]), float([2, 2, 2, 2, 3])], (x: tf.Tensor5D, w: tf.Tensor5D) =>
      tf.conv3d(x, w, [1, 2, 1], "valid"),
    ),
  ],
  conv3dTranspose: [
    forwardOnly([float([1, 2, 2, 2, 3]), float([2, 2, 2, 2, 3])], (x: tf.Tensor5D, w: tf.Tensor5D) =>
      tf.conv3dTranspose(x, w, [1, 4, 4, 4, 2], 2, "same"),
    ),
  ],
  depthwiseConv2d: [
    differentiable([image, float([3, 3, 3, 2])], (x: Images, w: Images) => tf.depthwiseConv2d(x, w, 1, "same")),
    differentiable([image, float([2, 2, 3, 1])], (x: Images, w: Images) => tf.depthwiseConv2d(x, w, 2, "valid")),
  ],
  separableConv2d: [
    differentiable([image, float([3, 3, 3, 2]), float([1, 1, 6, 4])], (x: Images, d: Images, p: Images) =>
      tf.separableConv2d(x, d, p, 1, "same"),
    ),
  ],
  "fused.conv2d": [
    forwardOnly([image, filter, float([4])], (x: Images, w: Images, bias: tf.Tensor1D) =>
      tf.fused.conv2d({ x, filter: w, strides: 1, pad: "same", bias, activation: "relu" }),
    ),
    differentiable([image, filter, float([4])], (x: Images, w: Images, bias: tf.Tensor1D) =>
      tf.fused.conv2d({ x, filter: w, strides: 1, pad: "same", bias, activation: "linear" }),
    ),
  ],
  "fused.depthwiseConv2d": [
    forwardOnly([image, float([3, 3, 3, 1]), float([3])], (x: Images, w: Images, bias: tf.Tensor1D) =>
      tf.fused.depthwiseConv2d({ x, filter: w, strides: 1, pad: "same", bias, activation: "relu6" }),
    ),
  ],
  dilation2d: [
    differentiable([image, float([2, 2, 3])], (x: Images, w: tf.Tensor3D) => tf.dilation2d(x, w, 1, "same")),
    differentiable([image, float([2, 2, 3])], (x: Images, w: tf.Tensor3D) => tf.dilation2d(x, w, [2, 1], "valid")),
  ],
  avgPool: [
    differentiable([image], (x: Images) => tf.avgPool(x, 2, 2, "same")),
    differentiable([image], (x: Images) => tf.avgPool(x, [3, 2], 1, "valid")),
  ],
  maxPool: [
    differentiable([image], (x: Images) => tf.maxPool(x, 2, 2, "same")),
    differentiable([image], (x: Images) => tf.maxPool(x, [3, 2], 1, "valid")),
  ],
  avgPool3d: [
    differentiable([float([1, 4, 4, 4, 2])], (x: tf.Tensor5D) => tf.avgPool3d(x, 2, 2, "valid")),
    differentiable([float([1, 3, 4, 5, 2])], (x: tf.Tensor5D) => tf.avgPool3d(x, 2, 1, "same")),
  ],
  maxPool3d: [
    differentiable([float([1, 4, 4, 4, 2])], (x: tf.Tensor5D) => tf.maxPool3d(x, 2, 2, "valid")),
    differentiable([float([1, 3, 4, 5, 2])], (x: tf.Tensor5D) => tf.maxPool3d(x, 2, 1, "same")),
  ],
  pool: [
    differentiable([image], (x: Images) => tf.pool(x, 2, "avg", "same")),
    differentiable([image], (x: Images) => tf.pool(x, [2, 2], "max", "valid", 2)),
  ],
  localResponseNormalization: [
    differentiable([image], (x: Images) => tf.localResponseNormalization(x, 2, 1, 0.5, 0.6)),
  ],
  batchNorm: [
    differentiable([image, ...statistics], (x: Images, ...rest: Statistics) => tf.batchNorm(x, ...rest, 1e-3)),
    forwardOnly([image, ...statistics], (x: Images, mean: tf.Tensor1D, variance: tf.Tensor1D) =>
      tf.batchNorm(x, mean, variance),
    ),
  ],
  batchNorm2d: [
    differentiable([float([4, 3]), ...statistics], (x: tf.Tensor2D, ...rest: Statistics) => tf.batchNorm2d(x, ...rest)),
  ],
  batchNorm3d: [
    differentiable([float([2, 4, 3]), ...statistics], (x: tf.Tensor3D, ...rest: Statistics) =>
      tf.batchNorm3d(x, ...rest),
    ),
  ],
  batchNorm4d: [differentiable([image, ...statistics], (x: Images, ...rest: Statistics) => tf.batchNorm4d(x, ...rest))],
};
