import * as tf from "@tensorflow/tfjs";
import type { BuildModel } from "./index.ts";

export const cnn: BuildModel = ({ inputs, numClasses }) => {
  const convolution = { kernelSize: 3, padding: "same", activation: "relu" } as const;
  return tf.sequential({
    layers: [
      tf.layers.conv2d({ name: "conv1", inputShape: [...inputs.shape], filters: 32, ...convolution }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.conv2d({ name: "conv2", filters: 64, ...convolution }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ name: "hidden", units: 256, activation: "relu" }),
      tf.layers.dense({ name: "logits", units: numClasses }),
    ],
  });
};
