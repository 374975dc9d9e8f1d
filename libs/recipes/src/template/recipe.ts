// A recipe for Anneal. Train it with:
//
//   anneal train ./recipe.ts
//   anneal train ./recipe.ts --epochs 5 --learningRate 0.01
//
// Nothing has to be installed in this folder: `anneal`, `zod` and `@tensorflow/tfjs` come from Anneal's repository.
import * as tf from "@tensorflow/tfjs";
import { accuracy, adam, cosine, defineRecipe, mnist, normalise } from "anneal";
import { z } from "zod";

export default defineRecipe({
  // Shown wherever a run of this recipe is shown.
  name: "my-recipe",
  description: "A small network that reads handwritten digits",

  // What can be set from the command line. Every parameter needs a default.
  parameters: z.object({
    epochs: z.int().min(1).default(3).describe("Passes over the training data"),
    batchSize: z.int().min(1).default(128).describe("Samples per step"),
    learningRate: z.number().positive().default(0.002).describe("Learning rate after the warm-up"),
    units: z.int().min(1).default(64).describe("Units of the hidden layer"),
    numSamples: z.int().min(100).max(60_000).default(60_000).describe("Samples used, validation included"),
  }),

  // Where samples come from and what is done to them. Files of your own: `idx({...})`, `arrays({...})`; paths relative
  // to this file start at `recipeDir`, which data() is given as well. Transforms run in other threads; yours are modules,
  // named by `transform(import.meta.resolve("./my-transform.ts"))`.
  data({ parameters, seed }) {
    const toUnit = normalise({ scale: 1 / 255 });
    const { rest, held } = mnist({ split: "train" }).take(parameters.numSamples).split({ share: 0.1, seed });
    return {
      train: rest.map(toUnit),
      // Looked at after each epoch: decides which checkpoint is the best one, and when to stop early.
      validation: held.map(toUnit),
      // Looked at once, at the end.
      test: mnist({ split: "test" }).map(toUnit),
    };
  },

  // Any TensorFlow.js LayersModel; or {variables, apply}, a function over named variables.
  model: ({ parameters, inputShape, numClasses }) =>
    tf.sequential({
      layers: [
        tf.layers.flatten({ inputShape }),
        tf.layers.dense({ units: parameters.units, activation: "relu" }),
        tf.layers.dropout({ rate: 0.2 }),
        // Logits: the loss below has the softmax in it.
        tf.layers.dense({ units: numClasses }),
      ],
    }),

  // "softmaxCrossEntropy" (class labels), "sigmoidCrossEntropy", "meanSquaredError", or a function of your own:
  // (labels, outputs) => a scalar, the mean over the batch.
  loss: "softmaxCrossEntropy",

  // Each has a direction, so that Anneal knows what "best" means. Yours: {direction: "minimize", compute: (labels, outputs) => …}.
  metrics: { accuracy: accuracy() },

  // sgd, adam or adamW; the learning rate is a number or a schedule: constant, cosine, warmup.
  optimizer: ({ parameters, totalSteps }) =>
    adam({ learningRate: cosine({ peak: parameters.learningRate, totalSteps, warmupSteps: totalSteps / 20 }) }),

  training: ({ parameters }) => ({
    epochs: parameters.epochs,
    batchSize: parameters.batchSize,
    // The run ends when the monitored metric has not improved for so many epochs.
    monitor: "accuracy",
    earlyStopping: { patience: 3 },
    // Start from the weights of a checkpoint of the same model:
    // initialWeights: "/path/to/checkpoints/step-000001407-…",
  }),
});
