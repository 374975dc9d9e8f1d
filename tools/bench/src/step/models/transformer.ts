import type { SymbolicTensor } from "@tensorflow/tfjs";
import * as tf from "@tensorflow/tfjs";
import { AddPositions, CausalAttention } from "./attention.ts";
import type { BuildModel } from "./index.ts";

const width = 256;
const numLayers = 4;
const numHeads = 8;

/** A decoder that predicts the next token, normalised before each part as GPT-2 is (Radford et al. 2019). */
export const transformer: BuildModel = ({ inputs, numClasses }) => {
  const input = tf.input({ shape: [...inputs.shape], dtype: "int32" });
  const embedded = tf.layers.embedding({ name: "tokens", inputDim: numClasses, outputDim: width }).apply(input);
  let x = new AddPositions({ name: "positions" }).apply(embedded) as SymbolicTensor;
  for (let layer = 1; layer <= numLayers; layer += 1) {
    const attended = new CausalAttention({ name: `attention${layer}`, numHeads });
    x = add(x, attended.apply(normalize(`attention${layer}_norm`, x)));
    const wide = tf.layers.dense({ name: `wide${layer}`, units: 4 * width, activation: "gelu" });
    const narrow = tf.layers.dense({ name: `narrow${layer}`, units: width });
    x = add(x, narrow.apply(wide.apply(normalize(`wide${layer}_norm`, x))));
  }
  const logits = tf.layers.dense({ name: "logits", units: numClasses }).apply(normalize("logits_norm", x));
  return tf.model({ inputs: input, outputs: logits as SymbolicTensor });
};

type Applied = ReturnType<tf.layers.Layer["apply"]>;

function add(x: SymbolicTensor, y: Applied): SymbolicTensor {
  return tf.layers.add().apply([x, y as SymbolicTensor]) as SymbolicTensor;
}

function normalize(name: string, x: SymbolicTensor): SymbolicTensor {
  return tf.layers.layerNormalization({ name, axis: -1, epsilon: 1e-5 }).apply(x) as SymbolicTensor;
}
