import * as tf from "@tensorflow/tfjs";
import { bytes, float, int } from "../inputs.ts";
import { type LayerCase, type LayerCases, layerCase } from "./case.ts";

const vectors = float([4, 5]);
const sequences = float([2, 3, 4]);

function merging(make: () => tf.layers.Layer): readonly LayerCase[] {
  return [
    layerCase([vectors, vectors], make),
    layerCase([vectors, vectors, vectors], make),
    // One value a row: broadcast.
    layerCase([sequences, float([2, 3, 1])], make),
  ];
}

/** An activation that a dense layer has, by its name. */
function activated(activation: string): LayerCase {
  return layerCase([vectors], () => tf.layers.dense({ units: 3, activation: activation as "relu" }));
}

/** Dense and friends, merges, activations, reshaping. */
export const coreLayerCases: LayerCases = {
  Dense: [
    layerCase([vectors], () => tf.layers.dense({ units: 3 })),
    layerCase([sequences], () => tf.layers.dense({ units: 3, useBias: false })),
    layerCase([vectors], () =>
      tf.layers.dense({
        units: 3,
        kernelConstraint: "nonNeg",
        kernelRegularizer: tf.regularizers.l1l2({ l1: 0.1, l2: 0.1 }),
        biasRegularizer: "l1l2",
      }),
    ),
    ...["elu", "hardSigmoid", "linear", "relu", "relu6", "selu", "sigmoid", "softmax"].map(activated),
    ...["softplus", "softsign", "tanh", "swish", "mish", "gelu", "gelu_new"].map(activated),
  ],
  Activation: [
    layerCase([vectors], () => tf.layers.activation({ activation: "tanh" })),
    layerCase([sequences], () => tf.layers.activation({ activation: "softmax" })),
  ],
  ReLU: [layerCase([vectors], () => tf.layers.reLU()), layerCase([vectors], () => tf.layers.reLU({ maxValue: 0.5 }))],
  LeakyReLU: [layerCase([vectors], () => tf.layers.leakyReLU({ alpha: 0.2 }))],
  PReLU: [
    layerCase([vectors], () => tf.layers.prelu()),
    layerCase([float([2, 3, 3, 2])], () => tf.layers.prelu({ sharedAxes: [1, 2] })),
  ],
  ELU: [layerCase([vectors], () => tf.layers.elu())],
  ThresholdedReLU: [layerCase([vectors], () => tf.layers.thresholdedReLU({ theta: 0.3 }), "none")],
  Softmax: [
    layerCase([vectors], () => tf.layers.softmax()),
    layerCase([sequences], () => tf.layers.softmax({ axis: -1 })),
  ],
  Flatten: [
    layerCase([sequences], () => tf.layers.flatten()),
    layerCase([float([2, 3, 4, 5])], () => tf.layers.flatten({ dataFormat: "channelsFirst" })),
  ],
  RepeatVector: [layerCase([vectors], () => tf.layers.repeatVector({ n: 3 }))],
  Reshape: [layerCase([sequences], () => tf.layers.reshape({ targetShape: [2, -1] }))],
  Permute: [layerCase([float([2, 3, 4, 5])], () => tf.layers.permute({ dims: [3, 1, 2] }))],
  Embedding: [
    layerCase([int([3, 4], 6)], () => tf.layers.embedding({ inputDim: 6, outputDim: 3 })),
    // Indices as a data set of float32 has them.
    layerCase(
      [float([3, 4], { from: 0, to: 5.9 })],
      () => tf.layers.embedding({ inputDim: 6, outputDim: 3, embeddingsConstraint: "unitNorm" }),
      "weights",
    ),
    layerCase([int([3, 4], 3)], () =>
      tf.sequential({
        layers: [
          tf.layers.embedding({ inputDim: 3, outputDim: 3, maskZero: true, inputShape: [4] }),
          tf.layers.lstm({ units: 2, returnSequences: true }),
          tf.layers.gru({ units: 2 }),
        ],
      }),
    ),
  ],
  Masking: [
    layerCase(
      [float([2, 3, 2], { from: -2, to: 2 })],
      () =>
        tf.sequential({
          layers: [
            tf.layers.thresholdedReLU({ theta: 0.8, inputShape: [3, 2] }),
            tf.layers.masking(),
            tf.layers.simpleRNN({ units: 3 }),
          ],
        }),
      "weights",
    ),
    layerCase([int([3, 4, 1], 2)], () =>
      tf.sequential({
        layers: [tf.layers.masking({ maskValue: 1, inputShape: [4, 1] }), tf.layers.dense({ units: 2 })],
      }),
    ),
  ],
  Add: merging(() => tf.layers.add()),
  Multiply: merging(() => tf.layers.multiply()),
  Average: merging(() => tf.layers.average()),
  // The gradient of a maximum that broadcasts has the wrong shape.
  Maximum: merging(() => tf.layers.maximum()).slice(0, 2),
  Minimum: merging(() => tf.layers.minimum()).slice(0, 2),
  Concatenate: [
    layerCase([vectors, float([4, 2])], () => tf.layers.concatenate()),
    layerCase([sequences, float([2, 1, 4])], () => tf.layers.concatenate({ axis: 1 })),
  ],
  Dot: [
    layerCase([vectors, vectors], () => tf.layers.dot({ axes: 1 })),
    layerCase([sequences, float([2, 5, 4])], () => tf.layers.dot({ axes: 2 })),
    layerCase([sequences, float([2, 4, 5])], () => tf.layers.dot({ axes: [2, 1] })),
    layerCase([vectors, vectors], () => tf.layers.dot({ axes: 1, normalize: true })),
  ],
  BatchNormalization: [
    layerCase([vectors], () => tf.layers.batchNormalization()),
    layerCase([float([2, 3, 3, 4])], () => tf.layers.batchNormalization({ momentum: 0.8, epsilon: 0.01 })),
    layerCase([sequences], () => tf.layers.batchNormalization({ axis: 1 }), "none"),
    layerCase([float([2, 3, 3, 4])], () => tf.layers.batchNormalization({ axis: 1 }), "none"),
  ],
  LayerNormalization: [
    layerCase([vectors], () => tf.layers.layerNormalization()),
    layerCase([sequences], () => tf.layers.layerNormalization({ axis: -1, epsilon: 0.01 })),
    layerCase([sequences], () => tf.layers.layerNormalization({ axis: [1, 2] })),
    layerCase([sequences], () => tf.layers.layerNormalization({ center: false, scale: false }), "none"),
  ],
  InputLayer: [
    layerCase([vectors], () => sequentialOf(tf.layers.inputLayer({ inputShape: [5] }), tf.layers.dense({ units: 2 }))),
  ],
  Sequential: [
    layerCase([vectors], () =>
      sequentialOf(sequentialOf(tf.layers.dense({ units: 3, inputShape: [5] })), tf.layers.dense({ units: 2 })),
    ),
    layerCase([bytes([2, 4, 4, 3])], () =>
      sequentialOf(
        tf.layers.rescaling({ scale: 1 / 255, inputShape: [4, 4, 3] } as never),
        tf.layers.conv2d({ filters: 2, kernelSize: 3 }),
      ),
    ),
  ],
  Model: [layerCase([vectors, float([4, 3])], () => twoInputs(tf.LayersModel))],
  // What a model is that Keras wrote.
  Functional: [
    layerCase([vectors, float([4, 3])], () => twoInputs(registeredClass("Functional") as typeof tf.LayersModel)),
  ],
};

function sequentialOf(...layers: tf.layers.Layer[]): tf.Sequential {
  return tf.sequential({ layers });
}

/** Two inputs, a layer that both go through, and two outputs. */
function twoInputs(Model: typeof tf.LayersModel): tf.LayersModel {
  const [a, b] = [tf.input({ shape: [5] }), tf.input({ shape: [3] })];
  const shared = tf.layers.dense({ units: 4, activation: "tanh" });
  const widened = tf.layers.dense({ units: 5 }).apply(b);
  const [x, y] = [shared.apply(a), shared.apply(widened)] as [tf.SymbolicTensor, tf.SymbolicTensor];
  const sum = tf.layers.add().apply([x, y]) as tf.SymbolicTensor;
  return new Model({ inputs: [a, b], outputs: [sum, x], name: "two" });
}

function registeredClass(name: string) {
  return tf.serialization.SerializationMap.getMap().classNameMap[name]?.[0];
}
