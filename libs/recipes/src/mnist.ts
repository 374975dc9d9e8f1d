import { accuracy, adam, cosine, defineRecipe, mnist, normalise, rotateAndShift } from "anneal";
import { z } from "zod";
import { digitsModel } from "./models/digits.ts";

/** Handwritten digits: a small convolutional network on the real 60,000 images of MNIST (LeCun et al. 1998). */
export default defineRecipe({
  name: "mnist",
  description: "A convolutional network on MNIST: 98.7 % and more in three epochs",

  parameters: z.object({
    epochs: z.int().min(1).max(1_000).default(3).describe("Passes over the training images"),
    batchSize: z.int().min(1).max(4_096).default(128).describe("Images per step"),
    learningRate: z.number().positive().max(1).default(0.003).describe("Learning rate after the warm-up"),
    width: z
      .int()
      .min(4)
      .max(128)
      .default(16)
      .describe("Filters of the first convolution; the second has twice as many"),
    dropout: z.number().min(0).max(0.9).default(0.25).describe("Share of units dropped before the last layer"),
    augment: z.boolean().default(false).describe("Shift and rotate the training images a little"),
    validationShare: z.number().min(0).max(0.5).default(0).describe("Share of training images held out for validation"),
  }),

  data({ parameters, seed }) {
    const toUnit = normalise({ scale: 1 / 255, mean: 0.1307, std: 0.3081 });
    const { rest, held } = mnist({ split: "train" }).split({ share: parameters.validationShare, seed });
    // What is outside of the image is black, as its border is.
    const train = parameters.augment ? rest.map(rotateAndShift({ maxDegrees: 10, maxPixels: 2 })) : rest;
    return {
      train: train.map(toUnit),
      validation: parameters.validationShare > 0 ? held.map(toUnit) : undefined,
      test: mnist({ split: "test" }).map(toUnit),
    };
  },

  model: ({ parameters: { width, dropout }, inputShape, numClasses }) =>
    digitsModel({ width, dropout, inputShape, numClasses: numClasses! }),

  loss: "softmaxCrossEntropy",
  metrics: { accuracy: accuracy() },

  optimizer: ({ parameters, totalSteps }) =>
    adam({
      learningRate: cosine({ peak: parameters.learningRate, totalSteps, warmupSteps: Math.min(100, totalSteps / 10) }),
    }),

  training: ({ parameters }) => ({
    epochs: parameters.epochs,
    batchSize: parameters.batchSize,
    evaluationBatchSize: 250,
  }),
});
