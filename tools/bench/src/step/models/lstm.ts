import * as tf from "@tensorflow/tfjs";
import type { BuildModel } from "./index.ts";

export const lstm: BuildModel = ({ inputs, numClasses }) =>
  tf.sequential({
    layers: [
      tf.layers.lstm({
        name: "lstm",
        inputShape: [...inputs.shape],
        units: 128,
        // The peers' gates; the default is a piecewise linear approximation.
        recurrentActivation: "sigmoid",
        // The default, orthogonal, takes seconds in JavaScript.
        recurrentInitializer: "glorotUniform",
      }),
      tf.layers.dense({ name: "logits", units: numClasses }),
    ],
  });
