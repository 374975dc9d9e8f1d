import * as tf from "@tensorflow/tfjs";
import { float } from "../inputs.ts";
import { differentiable, forwardOnly, type OpCases } from "./case.ts";

const matrices = [float([2, 3]), float([3, 4])];

/** Products of matrices, and what TensorFlow.js makes of them. */
export const contractionCases: OpCases = {
  matMul: [
    differentiable(matrices, (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b)),
    differentiable([float([3, 2]), float([3, 4])], (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b, true)),
    differentiable([float([2, 3]), float([4, 3])], (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b, false, true)),
    differentiable([float([3, 2]), float([4, 3])], (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b, true, true)),
    differentiable([float([2, 2, 2, 3]), float([2, 2, 3, 4])], (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b)),
    // Its gradient has the wrong shape where it broadcasts.
    forwardOnly([float([5, 2, 3]), float([1, 3, 4])], (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b)),
  ],
  dot: [
    differentiable([float([3]), float([3])], tf.dot),
    differentiable([float([2, 3]), float([3])], tf.dot),
    differentiable([float([3]), float([3, 2])], tf.dot),
    differentiable(matrices, tf.dot),
  ],
  outerProduct: [differentiable([float([2]), float([3])], tf.outerProduct)],
  einsum: [
    forwardOnly(matrices, (a: tf.Tensor, b: tf.Tensor) => tf.einsum("ij,jk->ik", a, b)),
    forwardOnly([float([2, 3, 4]), float([2, 5, 4])], (a: tf.Tensor, b: tf.Tensor) => tf.einsum("bqd,bkd->bqk", a, b)),
    forwardOnly([float([2, 3])], (x: tf.Tensor) => [tf.einsum("ij->ji", x), tf.einsum("ij->i", x)]),
  ],
  "fused.matMul": [
    forwardOnly([...matrices, float([4])], (a: tf.Tensor2D, b: tf.Tensor2D, bias: tf.Tensor1D) =>
      tf.fused.matMul({ a, b, bias, activation: "relu" }),
    ),
    differentiable([...matrices, float([4])], (a: tf.Tensor2D, b: tf.Tensor2D, bias: tf.Tensor1D) =>
      tf.fused.matMul({ a, b, bias, activation: "linear" }),
    ),
  ],
  basicLSTMCell: [
    differentiable(
      [float([6, 12]), float([12]), float([2, 3]), float([2, 3]), float([2, 3])],
      (kernel: tf.Tensor2D, bias: tf.Tensor1D, data: tf.Tensor2D, c: tf.Tensor2D, h: tf.Tensor2D) =>
        tf.basicLSTMCell(tf.scalar(1), kernel, bias, data, c, h),
    ),
  ],
  multiRNNCell: [
    differentiable(
      [float([6, 12]), float([12]), float([2, 3]), float([2, 3]), float([2, 3])],
      (kernel: tf.Tensor2D, bias: tf.Tensor1D, data: tf.Tensor2D, c: tf.Tensor2D, h: tf.Tensor2D) => {
        const cell = (...state: [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]) =>
          tf.basicLSTMCell(tf.scalar(1), kernel, bias, ...state);
        return tf.multiRNNCell([cell, cell], data, [c, c], [h, h]).flat();
      },
    ),
  ],
  "linalg.gramSchmidt": [differentiable([float([3, 4])], (x: tf.Tensor2D) => tf.linalg.gramSchmidt(x))],
  "linalg.bandPart": [
    forwardOnly([float([3, 4])], (x: tf.Tensor) => tf.linalg.bandPart(x, 1, 1)),
    forwardOnly([float([2, 3, 4])], (x: tf.Tensor) => tf.linalg.bandPart(x, -1, 0)),
  ],
  "linalg.qr": [forwardOnly([float([3, 2])], (x: tf.Tensor) => tf.linalg.qr(x))],
};
