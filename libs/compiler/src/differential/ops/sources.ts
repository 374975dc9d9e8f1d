import * as tf from "@tensorflow/tfjs";
import { float } from "../inputs.ts";
import { differentiable, forwardOnly, type OpCase, type OpCases } from "./case.ts";

/** Makes its values from numbers: a constant of the graph, added to an input so that there is a graph. */
function made(shape: readonly number[], make: () => tf.Tensor): readonly OpCase[] {
  return [differentiable([float(shape)], (x: tf.Tensor) => x.add(make().toFloat()))];
}

/** Draws follow the run's seed and the step, which the graph is told. */
function drawn(draw: () => tf.Tensor | readonly tf.Tensor[]): readonly OpCase[] {
  return [forwardOnly([], draw)];
}

const values = [0.5, -1.5, 2, 0, 3.25, -0.25];

/** Where values come from: numbers and random draws. */
export const sourceCases: OpCases = {
  scalar: made([2], () => tf.scalar(0.3)),
  tensor: made([2, 3], () => tf.tensor(values, [2, 3])),
  tensor1d: made([6], () => tf.tensor1d(values)),
  tensor2d: made([2, 3], () => tf.tensor2d(values, [2, 3])),
  tensor3d: made([1, 2, 3], () => tf.tensor3d(values, [1, 2, 3])),
  tensor4d: made([1, 1, 2, 3], () => tf.tensor4d(values, [1, 1, 2, 3])),
  tensor5d: made([1, 1, 1, 2, 3], () => tf.tensor5d(values, [1, 1, 1, 2, 3])),
  tensor6d: made([1, 1, 1, 1, 2, 3], () => tf.tensor6d(values, [1, 1, 1, 1, 2, 3])),
  buffer: made([2], () => {
    const buffer = tf.buffer([2]);
    buffer.set(1.5, 1);
    return buffer.toTensor();
  }),
  variable: made([2], () => {
    const variable = tf.variable(tf.tensor1d([1, 2]));
    const value = variable.clone();
    variable.dispose();
    return value;
  }),
  ones: made([2, 40], () => tf.ones([2, 40])),
  zeros: made([2, 40], () => tf.zeros([2, 40])),
  fill: made([2, 40], () => tf.fill([2, 40], 1.25)),
  eye: made([3, 3], () => tf.eye(3)),
  linspace: made([5], () => tf.linspace(-1, 1, 5)),
  range: made([4], () => tf.range(0, 8, 2)),
  "signal.hammingWindow": made([8], () => tf.signal.hammingWindow(8)),
  "signal.hannWindow": made([8], () => tf.signal.hannWindow(8)),
  "signal.frame": [forwardOnly([float([8])], (x: tf.Tensor1D) => tf.signal.frame(x, 4, 2))],
  randomUniform: drawn(() => [
    tf.randomUniform([2, 3]),
    tf.randomUniform([4], -2, 5),
    tf.randomUniform([4], 0, 9, "int32"),
  ]),
  randomUniformInt: drawn(() => tf.randomUniformInt([5], 2, 7)),
  randomNormal: drawn(() => [tf.randomNormal([2, 3]), tf.randomNormal([4], 1, 3, "float32", 5)]),
  randomStandardNormal: drawn(() => tf.randomStandardNormal([4])),
  truncatedNormal: drawn(() => tf.truncatedNormal([2, 3], 0.5, 2)),
  randomGamma: drawn(() => tf.randomGamma([5], 2, 3)),
  multinomial: [
    forwardOnly([float([2, 3])], (x: tf.Tensor2D) => tf.multinomial(x, 4)),
    forwardOnly([float([3])], (x: tf.Tensor1D) => tf.multinomial(x.softmax(), 4, 9, true)),
  ],
  dropout: [
    differentiable([float([4, 5])], (x: tf.Tensor) => tf.dropout(x, 0.4)),
    differentiable([float([4, 5])], (x: tf.Tensor) => tf.dropout(x, 0.4, [4, 1], 7)),
  ],
};
