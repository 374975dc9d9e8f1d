import type { FieldSpec } from "@anneal/data";
import * as tf from "@tensorflow/tfjs";
import { classes, type WholeModel } from "./whole-model.ts";

type Symbolic = tf.SymbolicTensor;

const sequences: FieldSpec = { shape: [5, 4], dtype: "float32" };
const words: FieldSpec = { shape: [6], dtype: "int32" };
const numWords = 8;

function overSequences(layers: () => tf.layers.Layer[]): WholeModel {
  return {
    ...classes,
    inputs: sequences,
    model: () =>
      tf.sequential({
        layers: [tf.layers.inputLayer({ inputShape: [5, 4] }), ...layers(), tf.layers.dense({ units: 3 })],
      }),
  };
}

function overWords(layers: () => tf.layers.Layer[], maskZero = false): WholeModel {
  return {
    ...classes,
    inputs: words,
    numWords,
    model: () =>
      tf.sequential({
        layers: [
          tf.layers.embedding({ inputShape: [6], inputDim: numWords, outputDim: 5, maskZero }),
          ...layers(),
          tf.layers.dense({ units: 3 }),
        ],
      }),
  };
}

/** Attention of one head, of layers alone, and a feed-forward network, each around a residual and a layer normalisation. */
function transformerBlock(input: Symbolic, width: number): Symbolic {
  const project = (units: number, activation: "linear" | "gelu" = "linear") => tf.layers.dense({ units, activation });
  const [query, key, value] = [0, 1, 2].map(() => project(width).apply(input) as Symbolic);
  const scores = tf.layers.dot({ axes: [2, 2] }).apply([query!, key!]) as Symbolic;
  const attention = tf.layers.activation({ activation: "softmax" }).apply(scores) as Symbolic;
  const mixed = tf.layers.dot({ axes: [2, 1] }).apply([attention, value!]) as Symbolic;
  const attended = normalized([input, mixed]);
  const fed = project(width).apply(project(2 * width, "gelu").apply(attended)) as Symbolic;
  return normalized([attended, fed]);
}

function normalized(summands: Symbolic[]): Symbolic {
  return tf.layers.layerNormalization().apply(tf.layers.add().apply(summands)) as Symbolic;
}

export const sequenceModels: Readonly<Record<string, WholeModel>> = {
  LSTM: overSequences(() => [
    tf.layers.lstm({ units: 5, returnSequences: true }),
    tf.layers.lstm({ units: 4, recurrentActivation: "sigmoid" }),
  ]),
  GRU: overSequences(() => [tf.layers.gru({ units: 5, dropout: 0.2, recurrentDropout: 0.2 })]),
  "bidirectional LSTM": overSequences(() => [
    tf.layers.bidirectional({ layer: tf.layers.lstm({ units: 4 }) as tf.RNN, mergeMode: "concat" }),
  ]),
  "convolutional LSTM": {
    ...classes,
    inputs: { shape: [3, 5, 5, 1], dtype: "float32" },
    model: () =>
      tf.sequential({
        layers: [
          tf.layers.convLstm2d({ inputShape: [3, 5, 5, 1], filters: 2, kernelSize: 3, padding: "same" }),
          tf.layers.flatten(),
          tf.layers.dense({ units: 3 }),
        ],
      }),
  },
  "embedding and pooling": overWords(() => [
    tf.layers.spatialDropout1d({ rate: 0.2 }),
    tf.layers.globalAveragePooling1d(),
    tf.layers.dense({ units: 6, activation: "relu" }),
  ]),
  "masked words through a recurrence": overWords(() => [tf.layers.simpleRNN({ units: 5 })], true),
  "text through convolutions": overWords(() => [
    tf.layers.conv1d({ filters: 6, kernelSize: 3, activation: "relu" }),
    tf.layers.maxPooling1d({ poolSize: 2 }),
    tf.layers.flatten(),
  ]),
  "transformer of layers": {
    ...classes,
    inputs: words,
    numWords,
    model: () => {
      const inputs = tf.input({ shape: [6], dtype: "int32" });
      const embedded = tf.layers.embedding({ inputDim: numWords, outputDim: 6 }).apply(inputs) as Symbolic;
      const mixed = transformerBlock(transformerBlock(embedded, 6), 6);
      // Not their maximum: two places of one word are equal but for rounding, which would decide where the gradient goes.
      const pooled = tf.layers.globalAveragePooling1d().apply(mixed);
      return tf.model({ inputs, outputs: tf.layers.dense({ units: 3 }).apply(pooled) as Symbolic });
    },
  },
};
