import type { FieldSpec } from "@anneal/data";
import * as tf from "@tensorflow/tfjs";
import { classes, type WholeModel } from "./whole-model.ts";

type Symbolic = tf.SymbolicTensor;

const images: FieldSpec = { shape: [8, 8, 2], dtype: "float32" };

function sequential(...layers: tf.layers.Layer[]): tf.LayersModel {
  return tf.sequential({ layers });
}

/** A model of one input and one output. */
function graph(shape: number[], build: (input: Symbolic) => Symbolic): tf.LayersModel {
  const inputs = tf.input({ shape });
  return tf.model({ inputs, outputs: build(inputs) });
}

function convolve(x: Symbolic, filters: number, kernelSize: number, strides = 1): Symbolic {
  const layers = [
    tf.layers.conv2d({ filters, kernelSize, strides, padding: "same", useBias: false }),
    tf.layers.batchNormalization({ momentum: 0.9 }),
    tf.layers.reLU(),
  ];
  return layers.reduce((value, layer) => layer.apply(value) as Symbolic, x);
}

function classify(x: Symbolic): Symbolic {
  return tf.layers.dense({ units: 3 }).apply(tf.layers.globalAveragePooling2d({}).apply(x)) as Symbolic;
}

export const imageModels: Readonly<Record<string, WholeModel>> = {
  "convolutional network": {
    ...classes,
    inputs: images,
    model: () =>
      sequential(
        tf.layers.conv2d({ inputShape: [8, 8, 2], filters: 4, kernelSize: 3, activation: "relu" }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.flatten(),
        tf.layers.dropout({ rate: 0.25 }),
        tf.layers.dense({ units: 3 }),
      ),
  },
  "residual block with batch normalisation": {
    ...classes,
    inputs: images,
    model: () =>
      graph([8, 8, 2], (input) => {
        const stem = convolve(input, 4, 3);
        const branch = convolve(convolve(stem, 6, 3, 2), 6, 3);
        const shortcut = tf.layers.conv2d({ filters: 6, kernelSize: 1, strides: 2 }).apply(stem) as Symbolic;
        return classify(tf.layers.add().apply([branch, shortcut]) as Symbolic);
      }),
  },
  "depthwise-separable network": {
    ...classes,
    inputs: images,
    model: () =>
      sequential(
        tf.layers.depthwiseConv2d({ inputShape: [8, 8, 2], kernelSize: 3, depthMultiplier: 2, padding: "same" }),
        tf.layers.batchNormalization({ momentum: 0.9 }),
        tf.layers.reLU({ maxValue: 6 }),
        tf.layers.separableConv2d({ filters: 6, kernelSize: 3, strides: 2, activation: "relu" }),
        tf.layers.globalAveragePooling2d({}),
        tf.layers.dense({ units: 3 }),
      ),
  },
  "inception block": {
    ...classes,
    inputs: images,
    model: () =>
      graph([8, 8, 2], (input) => {
        const pooled = tf.layers
          .averagePooling2d({ poolSize: 3, strides: 1, padding: "same" })
          .apply(input) as Symbolic;
        const branches = [convolve(input, 3, 1), convolve(convolve(input, 2, 1), 3, 5), convolve(pooled, 2, 1)];
        return classify(tf.layers.concatenate().apply(branches) as Symbolic);
      }),
  },
  autoencoder: {
    labels: images,
    numClasses: null,
    loss: "meanSquaredError",
    inputs: images,
    model: () =>
      sequential(
        tf.layers.conv2d({
          inputShape: [8, 8, 2],
          filters: 4,
          kernelSize: 3,
          strides: 2,
          padding: "same",
          activation: "elu",
        }),
        tf.layers.conv2d({ filters: 3, kernelSize: 3, strides: 2, padding: "same" }),
        tf.layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: "same", activation: "elu" }),
        tf.layers.upSampling2d({ size: [2, 2] }),
        tf.layers.conv2d({ filters: 2, kernelSize: 3, padding: "same", activation: "sigmoid" }),
      ),
  },
  "twins that share layers": {
    ...classes,
    inputs: images,
    model: () =>
      graph([8, 8, 2], (input) => {
        const halves = [
          [
            [0, 4],
            [0, 0],
          ],
          [
            [4, 0],
            [0, 0],
          ],
        ] as const;
        const shared = [
          tf.layers.conv2d({ filters: 4, kernelSize: 3, activation: "relu" }),
          tf.layers.flatten(),
          tf.layers.dense({ units: 5, activation: "tanh" }),
        ];
        const twins = halves.map((cropping) => {
          const half = tf.layers.cropping2D({ cropping: cropping as never }).apply(input) as Symbolic;
          return shared.reduce((value, layer) => layer.apply(value) as Symbolic, half);
        });
        const likeness = tf.layers.dot({ axes: 1 }).apply(twins) as Symbolic;
        return tf.layers.dense({ units: 3 }).apply(tf.layers.concatenate().apply([...twins, likeness])) as Symbolic;
      }),
  },
  "images of bytes": {
    ...classes,
    inputs: { shape: [8, 8, 2], dtype: "uint8" },
    model: () =>
      sequential(
        tf.layers.rescaling({ inputShape: [8, 8, 2], scale: 1 / 127.5, offset: -1 } as never),
        tf.layers.zeroPadding2d({ padding: 1 }),
        tf.layers.conv2d({ filters: 4, kernelSize: 3, strides: 2 }),
        tf.layers.prelu(),
        tf.layers.globalMaxPooling2d({}),
        tf.layers.dense({ units: 3 }),
      ),
  },
  "convolutions in three dimensions": {
    ...classes,
    inputs: { shape: [4, 6, 6, 1], dtype: "float32" },
    model: () =>
      sequential(
        tf.layers.conv3d({ inputShape: [4, 6, 6, 1], filters: 3, kernelSize: 3, padding: "same", activation: "relu" }),
        tf.layers.maxPooling3d({ poolSize: 2, strides: 2 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 3 }),
      ),
  },
};
