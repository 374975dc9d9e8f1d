import type { TempFolder } from "./temp-folder.ts";

/**
 * A recipe as a person would write it, in a folder of their own: dropout, batch normalisation, a schedule, a transform
 * module with random numbers, a partial last batch, a validation split, metrics. `delayMs` slows each sample down, so that a
 * test can interrupt a training of a few dozen steps.
 */
const recipe = `
import * as tf from "@tensorflow/tfjs";
import { accuracy, adam, arrays, cosine, defineRecipe, transform } from "anneal";
import { z } from "zod";
import { patterns } from "./lib/patterns.ts";

export default defineRecipe({
  name: "kill",
  parameters: z.object({
    epochs: z.int().min(1).default(3),
    delayMs: z.int().min(0).default(0),
    learningRate: z.number().positive().default(0.01),
    units: z.int().min(1).max(64).default(8),
    patience: z.int().min(1).default(99),
    initialWeights: z.string().default(""),
    ending: z.enum(["none", "exit", "throw", "badRate", "hugeRate", "badSample"]).default("none"),
  }),
  data: ({ parameters: { delayMs, ending } }) => {
    const noise = transform(import.meta.resolve("./lib/noise.ts"), { strength: 0.1, delayMs });
    const { rest, held } = arrays(patterns(190, 4, ending === "badSample" ? 3 : -1)).split({ share: 0.2, seed: 5 });
    return { train: rest.map(noise), validation: held, test: arrays(patterns(40, 4)) };
  },
  model: ({ parameters: { units, ending }, inputShape, numClasses }) => {
    if (ending === "exit") process.exit(3);
    if (ending === "throw") throw new Error("no such layer");
    return tf.sequential({
      layers: [
        tf.layers.dense({ inputShape, units, useBias: false }),
        tf.layers.batchNormalization({ momentum: 0.9 }),
        tf.layers.reLU(),
        tf.layers.dropout({ rate: 0.3 }),
        tf.layers.dense({ units: numClasses }),
      ],
    });
  },
  loss: "softmaxCrossEntropy",
  metrics: { accuracy: accuracy() },
  optimizer: ({ parameters, totalSteps }) =>
    adam({
      learningRate:
        parameters.ending === "badRate" || parameters.ending === "hugeRate"
          ? { at: (step) => (step === 4 ? (parameters.ending === "badRate" ? Number.NaN : 1e38) : 0.01) }
          : cosine({ peak: parameters.learningRate, totalSteps, warmupSteps: 4 }),
      clipNorm: 1,
    }),
  training: ({ parameters: { epochs, patience, initialWeights } }) => ({
    epochs,
    batchSize: 16,
    earlyStopping: { patience },
    ...(initialWeights === "" ? {} : { initialWeights }),
  }),
});
`;

const patterns = `
export function patterns(numSamples: number, numClasses: number, badSample = -1) {
  const inputs = new Float32Array(numSamples * 12);
  const labels = new Int32Array(numSamples);
  for (let sample = 0; sample < numSamples; sample++) {
    labels[sample] = (sample * 7) % numClasses;
    for (let i = 0; i < 12; i++) inputs[sample * 12 + i] = Math.sin((i + 1) * (labels[sample]! + 1) + sample);
  }
  if (badSample >= 0) inputs[badSample * 12] = Number.NaN;
  return { inputs, inputShape: [12], labels, numClasses };
}
`;

const noise = `
import type { TransformFactory } from "anneal";
const sleeping = new Int32Array(new SharedArrayBuffer(4));
const noise: TransformFactory = (options, input) => {
  const { strength, delayMs } = options as { strength: number; delayMs: number };
  return {
    output: input,
    apply(source, target, random) {
      if (delayMs > 0) Atomics.wait(sleeping, 0, 0, delayMs);
      for (let i = 0; i < target.length; i++) target[i] = source[i]! + strength * random.between(-1, 1);
    },
  };
};
export default noise;
`;

/** Writes the recipe into a folder and returns the path of its file. */
export function writeKillRecipe(folder: TempFolder): string {
  folder.write("lib/patterns.ts", patterns);
  folder.write("lib/noise.ts", noise);
  return folder.write("kill.ts", recipe);
}
