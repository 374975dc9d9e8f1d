import * as tf from "@tensorflow/tfjs";
import { accuracy, adamW, cosine, defineRecipe, mnist, normalise, rotateAndShift } from "anneal";
import { z } from "zod";

/**
 * Everything that can go wrong in a resume, in seconds: dropout, batch normalisation, a schedule, weight decay,
 * clipping, augmentation, a partial last batch, a validation split, early stopping. Trains on a few hundred digits.
 */
export default defineRecipe({
  name: "smoke",
  description: "A few seconds of training that uses every feature: for trying things out",

  parameters: z.object({
    epochs: z.int().min(1).max(1_000).default(3).describe("Passes over the training images"),
    batchSize: z.int().min(1).max(1_024).default(32).describe("Images per step"),
    numSamples: z.int().min(10).max(60_000).default(500).describe("Images used, validation included"),
    learningRate: z.number().positive().default(0.005).describe("Learning rate after the warm-up"),
    patience: z.int().min(1).default(100).describe("Epochs without improvement after which the run ends"),
    initialWeights: z.string().default("").describe("Checkpoint to start from"),
  }),

  data({ parameters, seed }) {
    const toUnit = normalise({ scale: 1 / 255 });
    const { rest, held } = mnist({ split: "train" }).take(parameters.numSamples).split({ share: 0.2, seed });
    return {
      train: rest.map(rotateAndShift({ maxDegrees: 10, maxPixels: 2 })).map(toUnit),
      validation: held.map(toUnit),
      test: mnist({ split: "test" }).take(200).map(toUnit),
    };
  },

  model: ({ inputShape, numClasses }) =>
    tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape, filters: 4, kernelSize: 3, strides: 2, useBias: false }),
        tf.layers.batchNormalization({ momentum: 0.9 }),
        tf.layers.reLU(),
        tf.layers.flatten(),
        tf.layers.dropout({ rate: 0.3 }),
        tf.layers.dense({ units: numClasses }),
      ],
    }),

  loss: "softmaxCrossEntropy",
  metrics: { accuracy: accuracy() },

  optimizer: ({ parameters, totalSteps }) =>
    adamW({
      learningRate: cosine({ peak: parameters.learningRate, totalSteps, warmupSteps: totalSteps / 10 }),
      weightDecay: 0.01,
      clipNorm: 1,
    }),

  training: ({ parameters }) => ({
    epochs: parameters.epochs,
    batchSize: parameters.batchSize,
    earlyStopping: { patience: parameters.patience, minDelta: 0.001 },
    ...(parameters.initialWeights === "" ? {} : { initialWeights: parameters.initialWeights }),
  }),
});
