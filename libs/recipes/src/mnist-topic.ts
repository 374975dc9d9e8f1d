import { accuracy, adam, cosine, defineRecipe, kafkaTopic, mnist, normalise } from "anneal";
import { z } from "zod";
import { digitsModel } from "./models/digits.ts";

/** Handwritten digits that come through a topic, as raw records: the images of MNIST, and its own test images from files. */
export default defineRecipe({
  name: "mnist-topic",
  description: "The network of mnist, its training images from a topic of Kafka",

  parameters: z.object({
    brokers: z
      .string()
      .min(1)
      .default("localhost:9092")
      .describe("Brokers of the Kafka cluster, host:port, with commas between"),
    topic: z.string().min(1).default("mnist").describe("Topic of raw records: 784 bytes, then the label as an int32"),
    epochs: z.int().min(1).max(1_000).default(3).describe("Passes over the records that there are when the run begins"),
    batchSize: z.int().min(1).max(4_096).default(128).describe("Images per step"),
    learningRate: z.number().positive().max(1).default(0.003).describe("Learning rate after the warm-up"),
    width: z
      .int()
      .min(4)
      .max(128)
      .default(16)
      .describe("Filters of the first convolution; the second has twice as many"),
  }),

  data({ parameters: { brokers, topic } }) {
    const toUnit = normalise({ scale: 1 / 255, mean: 0.1307, std: 0.3081 });
    const train = kafkaTopic({
      connection: { brokers: brokers.split(",") },
      topic,
      format: { kind: "raw" },
      inputs: { shape: [28, 28, 1], dtype: "uint8" },
      labels: { shape: [], dtype: "int32" },
      numClasses: 10,
    });
    return { train: train.map(toUnit), test: mnist({ split: "test" }).map(toUnit) };
  },

  model: ({ parameters: { width }, inputShape, numClasses }) =>
    digitsModel({ width, dropout: 0.25, inputShape, numClasses: numClasses! }),

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
