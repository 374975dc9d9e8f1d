import * as tf from "@tensorflow/tfjs";
import { adam, defineRecipe } from "anneal";
import { z } from "zod";

export const learningRate = 0.001;

/** A small network behind features that take longer than its step. */
export default defineRecipe({
  name: "events",
  parameters: z.object({}),
  data: () => {
    throw new Error("the bench gives the engine its batches");
  },
  model: ({ inputShape, numClasses }) =>
    tf.sequential({
      layers: [
        tf.layers.dense({ inputShape, units: 256, activation: "relu" }),
        tf.layers.dense({ units: 256, activation: "relu" }),
        tf.layers.dense({ units: numClasses }),
      ],
    }),
  loss: "softmaxCrossEntropy",
  optimizer: () => adam({ learningRate }),
  training: () => ({ epochs: 1, batchSize: 256 }),
});
