import * as tf from "@tensorflow/tfjs";
import { accuracy, adam, cosine, defineRecipe, mnist, normalise } from "anneal";
import { z } from "zod";

/** A large model of which every weight is used for every image: 49.6 million, 198 MB in float32, at the default width. */
export default defineRecipe({
  name: "article",
  description: "Two wide dense layers on MNIST",

  parameters: z.object({
    epochs: z.int().min(1).default(2).describe("Passes over the training images"),
    batchSize: z.int().min(1).default(512).describe("Images per step"),
    learningRate: z.number().positive().default(0.0005).describe("Learning rate after the warm-up"),
    width: z.int().min(1).default(6_656).describe("Units of a layer"),
  }),

  data() {
    const toUnit = normalise({ scale: 1 / 255, mean: 0.1307, std: 0.3081 });
    return { train: mnist({ split: "train" }).map(toUnit), test: mnist({ split: "test" }).map(toUnit) };
  },

  model: ({ parameters: { width }, inputShape, numClasses }) =>
    tf.sequential({
      layers: [
        tf.layers.flatten({ inputShape }),
        tf.layers.dense({ name: "wide1", units: width, activation: "relu", kernelInitializer: "heNormal" }),
        tf.layers.dense({ name: "wide2", units: width, activation: "relu", kernelInitializer: "heNormal" }),
        tf.layers.dense({ name: "logits", units: numClasses }),
      ],
    }),

  loss: "softmaxCrossEntropy",
  metrics: { accuracy: accuracy() },

  optimizer: ({ parameters: { learningRate }, totalSteps }) =>
    adam({ learningRate: cosine({ peak: learningRate, totalSteps, warmupSteps: totalSteps / 10 }) }),

  training: ({ parameters }) => ({
    epochs: parameters.epochs,
    batchSize: parameters.batchSize,
    evaluationBatchSize: 500,
  }),
});
