import * as tf from "@tensorflow/tfjs";
import { functionModel } from "../recipe/define.ts";
import { classes, type WholeModel } from "./whole-model.ts";

function weights(...shape: number[]): tf.Variable {
  return tf.variable(tf.truncatedNormal(shape, 0, 0.4));
}

function zeros(...shape: number[]): tf.Variable {
  return tf.variable(tf.zeros(shape));
}

/** Normalised along the last axis, scaled and shifted. */
function layerNorm(x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  return x.sub(mean).mul(variance.add(1e-5).rsqrt()).mul(scale).add(shift);
}

/** `[batch, time, heads * width]` to `[batch, heads, time, width]`. */
function splitHeads(x: tf.Tensor, numHeads: number): tf.Tensor {
  const [numSamples, time, width] = x.shape as [number, number, number];
  return x.reshape([numSamples, time, numHeads, width / numHeads]).transpose([0, 2, 1, 3]);
}

/** A sum over indices, differentiated by sums over indices: TensorFlow.js has no gradient of its own for it. */
function bilinear(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor {
  return tf.customGrad((a, b, save) => {
    const [left, right] = [a, b] as [tf.Tensor, tf.Tensor];
    (save as tf.GradSaveFunc)([left, right]);
    return {
      value: tf.einsum("bti,io->bto", left, right),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => [
        tf.einsum("bto,io->bti", dy, saved[1]!),
        tf.einsum("bti,bto->io", saved[0]!, dy),
      ],
    };
  })(x, kernel);
}

/** Models without layers. */
export const functionModels: Readonly<Record<string, WholeModel>> = {
  "transformer of functions": {
    ...classes,
    inputs: { shape: [6], dtype: "int32" },
    numWords: 8,
    model: () => {
      const [width, numHeads] = [8, 2];
      const variables = {
        embedding: weights(8, width),
        position: weights(6, width),
        queryKeyValue: weights(width, 3 * width),
        project: weights(width, width),
        scale: tf.variable(tf.ones([width])),
        shift: zeros(width),
        widen: weights(width, 2 * width),
        narrow: weights(2 * width, width),
        classify: weights(width, 3),
      };
      const v = variables;
      return functionModel({
        variables,
        apply: (inputs, { training }) => {
          const [numSamples, time] = inputs.shape as [number, number];
          const times = (x: tf.Tensor, kernel: tf.Tensor) =>
            x
              .reshape([-1, kernel.shape[0]!])
              .matMul(kernel as tf.Tensor2D)
              .reshape([numSamples, time, -1]);
          const embedded = tf
            .gather(v.embedding, inputs.flatten().toInt())
            .reshape([numSamples, time, width])
            .add(v.position);
          const [query, key, value] = tf
            .split(times(layerNorm(embedded, v.scale, v.shift), v.queryKeyValue), 3, -1)
            .map((part) => splitHeads(part, numHeads));
          const causal = tf.linalg
            .bandPart(tf.ones([time, time]), -1, 0)
            .sub(1)
            .mul(1e9);
          const scores = tf
            .matMul(query!, key!, false, true)
            .div(Math.sqrt(width / numHeads))
            .add(causal);
          const mixed = tf.matMul(scores.softmax(), value!).transpose([0, 2, 1, 3]).reshape([numSamples, time, width]);
          const attended = embedded.add(times(mixed, v.project));
          const fed = times(tf.relu(times(attended, v.widen)), v.narrow);
          const dropped = training ? tf.dropout(fed, 0.1) : fed;
          return attended
            .add(dropped)
            .mean(1)
            .matMul(v.classify as tf.Tensor as tf.Tensor2D);
        },
      });
    },
  },
  "einsum with a gradient of its own": {
    ...classes,
    inputs: { shape: [5, 4], dtype: "float32" },
    model: () => {
      const variables = { first: weights(4, 6), second: weights(6, 3) };
      return functionModel({
        variables,
        apply: (inputs) => bilinear(bilinear(inputs, variables.first).tanh(), variables.second).mean(1),
      });
    },
  },
  "gather and scatter over a graph of nodes": {
    ...classes,
    inputs: { shape: [5, 4], dtype: "float32" },
    model: () => {
      const variables = {
        message: weights(4, 6),
        self: weights(4, 6),
        classify: weights(6, 3),
        numCalls: tf.variable(tf.scalar(0), false),
      };
      const [from, to] = [
        [0, 1, 2, 3, 4, 0, 2],
        [1, 2, 3, 4, 0, 3, 0],
      ];
      return functionModel({
        variables,
        apply: (inputs, { training }) => {
          if (training) variables.numCalls.assign(variables.numCalls.add(1));
          const nodes = inputs.transpose([1, 0, 2]);
          const [numNodes, numSamples, width] = nodes.shape as [number, number, number];
          const times = (x: tf.Tensor, kernel: tf.Tensor) =>
            x
              .reshape([-1, width])
              .matMul(kernel as tf.Tensor2D)
              .reshape([-1, numSamples, 6]);
          const messages = tf.gather(times(nodes, variables.message), tf.tensor1d(from!, "int32"));
          const received = tf.unsortedSegmentSum(messages, tf.tensor1d(to!, "int32"), numNodes);
          const counts = tf.scatterND(tf.tensor2d(to!, [to!.length, 1], "int32"), tf.ones([to!.length]), [numNodes]);
          const updated = received
            .div(counts.reshape([numNodes, 1, 1]))
            .add(times(nodes, variables.self))
            .relu();
          return updated.max(0).matMul(variables.classify as tf.Tensor as tf.Tensor2D);
        },
      });
    },
  },
};
