import * as tf from "@tensorflow/tfjs";
import type { BuildModel } from "./index.ts";

const numLayers = 24;

/** Layers that all keep the shape of their input, as in Chen et al. 2016 (arXiv 1604.06174). */
export const deepconv: BuildModel = ({ inputs, numClasses }) => {
  const model = tf.sequential();
  for (let layer = 1; layer <= numLayers; layer += 1) {
    model.add(
      tf.layers.conv2d({
        name: `conv${layer}`,
        ...(layer === 1 ? { inputShape: [...inputs.shape] } : {}),
        filters: 32,
        kernelSize: 3,
        padding: "same",
        activation: "relu",
        kernelInitializer: "heNormal",
      }),
    );
  }
  model.add(tf.layers.globalAveragePooling2d({}));
  model.add(tf.layers.dense({ name: "logits", units: numClasses }));
  return model;
};
