import type { TempFolder } from "./temp-folder.ts";

/**
 * A recipe whose data is everything that data can be: filtered, mixed, kept, standardised, augmented, with samples that a transform refuses. `delayMs`
 * slows each sample down; `refused` is the share of samples that are bad, which may be `allowed` of them.
 */
const recipe = `
import * as tf from "@tensorflow/tfjs";
import { accuracy, adam, arrays, defineRecipe, mix, standardise, transform } from "anneal";
import { z } from "zod";

function samples(numSamples: number, seed: number) {
  const inputs = new Float32Array(numSamples * 6);
  const labels = new Int32Array(numSamples);
  for (let sample = 0; sample < numSamples; sample++) {
    labels[sample] = sample % 4;
    for (let i = 0; i < 6; i++) inputs[sample * 6 + i] = Math.sin((i + 1) * (labels[sample]! + 1) + sample * seed);
    inputs[sample * 6] = sample;
  }
  return arrays({ inputs, inputShape: [6], labels, numClasses: 4 });
}

export default defineRecipe({
  name: "mixed",
  parameters: z.object({
    epochs: z.int().default(3),
    delayMs: z.int().default(0),
    every: z.int().default(10),
    allowed: z.number().default(0.5),
    action: z.enum(["skip", "fail"]).default("skip"),
    blend: z.boolean().default(false),
  }),
  data: ({ parameters: { delayMs, every, allowed, action, blend } }) => {
    const steps = import.meta.resolve("./steps.ts");
    const first = samples(120, 1).filter((_, label) => label[0] !== 3).map(transform(steps, { every }, "refuse")).cache();
    const second = samples(70, 2).map((source, target) => target.set(source)).cache({ memoryBytes: 600 });
    const train = mix([{ dataset: first.onBadRecord({ action, maxShare: allowed }), weight: 2 }, { dataset: second }], {
      numSamples: 100,
    }).map(standardise()).map(transform(steps, { delayMs }, "noise"));
    const validation = samples(40, 3).map(transform(steps, { every }, "refuse")).map(standardise()).onBadRecord({ action, maxShare: allowed });
    return { train: blend ? train.mixup() : train, validation };
  },
  model: ({ inputShape, numClasses }) =>
    tf.sequential({ layers: [tf.layers.dense({ inputShape, units: 8, activation: "relu" }), tf.layers.dense({ units: numClasses })] }),
  loss: "softmaxCrossEntropy",
  metrics: { accuracy: accuracy() },
  optimizer: () => adam({ learningRate: 0.01 }),
  training: ({ parameters: { epochs } }) => ({ epochs, batchSize: 16 }),
});
`;

const steps = `
import type { TransformFactory } from "anneal";
const sleeping = new Int32Array(new SharedArrayBuffer(4));

export const refuse: TransformFactory = (options, input) => {
  const { every } = options as { every: number };
  return {
    output: input,
    apply(source, target) {
      if (source[0]! % every === 1) throw new Error("no such sample");
      for (let i = 0; i < source.length; i++) target[i] = source[i]!;
      target[0] = 0;
    },
  };
};

export const noise: TransformFactory = (options, input) => {
  const { delayMs } = options as { delayMs: number };
  return {
    output: input,
    isRandom: true,
    apply(source, target, random) {
      if (delayMs > 0) Atomics.wait(sleeping, 0, 0, delayMs);
      for (let i = 0; i < target.length; i++) target[i] = source[i]! + 0.1 * random.between(-1, 1);
    },
  };
};
`;

/** Writes the recipe into a folder and returns the path of its file. */
export function writeMixedRecipe(folder: TempFolder): string {
  folder.write("steps.ts", steps);
  return folder.write("mixed.ts", recipe);
}
