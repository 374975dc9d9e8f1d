import * as tf from "@tensorflow/tfjs";
import { adam, defineRecipe } from "anneal";
import { z } from "zod";
import { imageSize } from "../workloads.ts";

export const learningRate = 0.001;

/** A small network on pictures: a step takes a fraction of what the pictures of its batch do. */
export default defineRecipe({
  name: "pictures",
  parameters: z.object({}),
  data: () => {
    throw new Error("the bench gives the engine its batches");
  },
  model: ({ inputShape, numClasses }) =>
    tf.sequential({
      layers: [
        tf.layers.averagePooling2d({ inputShape, poolSize: 4 }),
        tf.layers.conv2d({ filters: 16, kernelSize: 5, strides: 2, activation: "relu" }),
        tf.layers.conv2d({ filters: 32, kernelSize: 3, strides: 2, activation: "relu" }),
        tf.layers.globalAveragePooling2d({}),
        tf.layers.dense({ units: numClasses }),
      ],
    }),
  loss: "softmaxCrossEntropy",
  optimizer: () => adam({ learningRate }),
  training: () => ({ epochs: 1, batchSize: 64 }),
});

/** Of one picture, as a batch has it. */
export const pictureShape = [imageSize.cropped, imageSize.cropped, 3] as const;
