import * as tf from "@tensorflow/tfjs";
import { adam, binaryAccuracy, constant, defineRecipe, functionModel, kafkaTopic } from "anneal";
import { z } from "zod";

/** A recommender: whether a user will click on an item, learned from a topic of clicks for as long as there are any. */
export default defineRecipe({
  name: "clicks",
  description: "Embeddings of users and items, trained from a topic of clicks, window after window",

  parameters: z.object({
    brokers: z
      .string()
      .min(1)
      .default("localhost:9092")
      .describe("Brokers of the Kafka cluster, host:port, with commas between"),
    topic: z.string().min(1).default("clicks").describe('Topic of events {"user": 1, "item": 2, "clicked": 0}'),
    windows: z.int().min(1).default(1_000_000).describe("Windows until the run ends"),
    windowRecords: z.int().min(1).default(20_000).describe("Events of a window: each is evaluated, then trained once"),
    batchSize: z.int().min(1).max(65_536).default(256).describe("Events per step"),
    learningRate: z.number().positive().max(1).default(0.01).describe("Learning rate"),
    numUsers: z.int().min(1).default(1_000).describe("Users have the numbers 0 to this, less one; others share theirs"),
    numItems: z.int().min(1).default(500).describe("Items, as users"),
    width: z.int().min(1).max(1_024).default(16).describe("Values for each user and each item"),
  }),

  data: ({ parameters: { brokers, topic, windowRecords } }) => ({
    train: kafkaTopic({
      connection: { brokers: brokers.split(",") },
      topic,
      windows: { numRecords: windowRecords },
      format: { kind: "json", inputs: ["user", "item"], label: "clicked" },
      inputs: { shape: [2], dtype: "int32" },
      labels: { shape: [1], dtype: "float32" },
    }),
  }),

  model({ parameters: { numUsers, numItems, width } }) {
    const weights = (...shape: number[]) => tf.variable(tf.truncatedNormal(shape, 0, 0.1));
    const variables = {
      users: weights(numUsers, width),
      items: weights(numItems, width),
      hidden: weights(3 * width, width),
      hiddenBias: tf.variable(tf.zeros([width])),
      output: weights(width, 1),
      outputBias: tf.variable(tf.zeros([1])),
    };
    const column = (ids: tf.Tensor, at: number, count: number) =>
      ids.slice([0, at], [ids.shape[0]!, 1]).reshape([-1]).mod(tf.scalar(count, "int32")).toInt();
    return functionModel({
      variables,
      apply(inputs) {
        const ids = inputs.toInt();
        const user = tf.gather(variables.users, column(ids, 0, numUsers) as tf.Tensor1D);
        const item = tf.gather(variables.items, column(ids, 1, numItems) as tf.Tensor1D);
        // How they fit, value by value, beside what each is by itself.
        const both = tf.concat([user, item, user.mul(item).mul(10)], 1);
        const hidden = both.matMul(variables.hidden).add(variables.hiddenBias).relu();
        return hidden.matMul(variables.output).add(variables.outputBias);
      },
    });
  },

  loss: "sigmoidCrossEntropy",
  metrics: { accuracy: binaryAccuracy() },
  optimizer: ({ parameters: { learningRate } }) => adam({ learningRate: constant(learningRate) }),
  training: ({ parameters }) => ({ epochs: parameters.windows, batchSize: parameters.batchSize }),
});
