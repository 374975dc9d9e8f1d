import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * A model whose weights are a trace of what trained them: one for each record, from 0, which sinks by exactly 1 each time the record is
 * in a batch. So after any step the weights themselves say which records trained them, and how often.
 *
 * Records are JSON: `{"id": n}`. A batch's loss is the mean of its weights and the learning rate the size of a batch; sizes are powers of
 * two, so that nothing is rounded.
 */
const recipe = `
import * as tf from "@tensorflow/tfjs";
import { defineRecipe, functionModel, kafkaTopic, sgd } from "anneal";
import { z } from "zod";

export default defineRecipe({
  name: "counting",
  parameters: z.object({
    broker: z.string(),
    topic: z.string(),
    numRecords: z.int(),
    batchSize: z.int().default(8),
    epochs: z.int().default(1),
    window: z.int().default(0),
    held: z.number().default(0),
    delayMs: z.int().default(0),
    group: z.string().default(""),
    windowRecords: z.int().default(0),
    access: z.string().default("{}"),
  }),
  data: ({ parameters: { broker, topic, window, held, delayMs, group, windowRecords, access } }) => {
    const all = kafkaTopic({
      connection: { brokers: [broker], ...JSON.parse(access) },
      topic,
      ...(group === "" ? {} : { group }),
      ...(windowRecords === 0 ? {} : { windows: { numRecords: windowRecords, numEvaluated: 24 } }),
      format: { kind: "module", module: import.meta.resolve("./decode.ts"), options: { delayMs } },
      inputs: { shape: [1], dtype: "int32" },
      labels: { shape: [1], dtype: "float32" },
    }).shuffle(window > 0, { window: Math.max(1, window) });
    if (held === 0) return { train: all };
    const sides = all.split({ share: held });
    return { train: sides.rest, validation: sides.held };
  },
  model: ({ parameters: { numRecords } }) => {
    const weights = tf.variable(tf.zeros([numRecords, 1]));
    return functionModel({ variables: { weights }, apply: (ids) => tf.gather(weights, ids.reshape([-1]).toInt()) });
  },
  loss: (_labels, outputs) => outputs.mean(),
  optimizer: ({ parameters: { batchSize } }) => sgd({ learningRate: batchSize }),
  training: ({ parameters: { epochs, batchSize } }) => ({ epochs, batchSize, monitor: "train/loss" }),
});
`;

const decode = `
const sleeping = new Int32Array(new SharedArrayBuffer(4));
export default ({ value }, { delayMs }) => {
  if (delayMs > 0) Atomics.wait(sleeping, 0, 0, delayMs);
  return { input: JSON.parse(Buffer.from(value).toString()).id, label: 0 };
};
`;

/** Writes the recipe into a folder and returns the path of its file. */
export function writeCountingRecipe(folder: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "decode.ts"), decode);
  const path = join(folder, "counting.ts");
  writeFileSync(path, recipe);
  return path;
}
