import * as tf from "@tensorflow/tfjs";
import type { BuildModel } from "./index.ts";

export const mlp: BuildModel = ({ inputs, numClasses }) =>
  tf.sequential({
    layers: [
      tf.layers.dense({ name: "hidden1", inputShape: [...inputs.shape], units: 256, activation: "relu" }),
      tf.layers.dense({ name: "hidden2", units: 256, activation: "relu" }),
      tf.layers.dense({ name: "logits", units: numClasses }),
    ],
  });
