import type { TempFolder } from "./temp-folder.ts";

const recipe = `
import * as tf from "@tensorflow/tfjs";
import { defineRecipe, idx, normalise, sgd } from "anneal";
import { join } from "node:path";
import { z } from "zod";

export default defineRecipe({
  name: "on-files",
  parameters: z.object({}),
  data: ({ recipeDir }) => {
    const at = (name: string) =>
      idx({ images: join(recipeDir, name + "-images"), labels: join(recipeDir, name + "-labels"), numClasses: 2 });
    return { train: at("train").map(normalise({ scale: 1 / 255 })), test: at("test").map(normalise({ scale: 1 / 255 })) };
  },
  model: ({ inputShape, numClasses }) =>
    tf.sequential({ layers: [tf.layers.flatten({ inputShape }), tf.layers.dense({ units: numClasses })] }),
  loss: "softmaxCrossEntropy",
  optimizer: () => sgd({ learningRate: 0.1 }),
  training: () => ({ epochs: 2, batchSize: 8 }),
});
`;

/** A recipe that trains on IDX files beside it: `train-images`, `train-labels`, `test-images`, `test-labels`. */
export function writeIdxRecipe(folder: TempFolder): string {
  writeIdxFiles(folder, "train", 24);
  writeIdxFiles(folder, "test", 8);
  return folder.write("on-files.ts", recipe);
}

/** Images of 2 x 2 pixels; other values of `brightness` give other pixels. */
export function writeIdxFiles(folder: TempFolder, name: string, numSamples: number, brightness = 0): void {
  const count = [0, 0, 0, numSamples];
  const pixels = Array.from({ length: numSamples * 4 }, (_, i) => (i * 31 + brightness) % 256);
  const labels = Array.from({ length: numSamples }, (_, i) => i % 2);
  folder.write(`${name}-images`, Uint8Array.from([0, 0, 8, 3, ...count, 0, 0, 0, 2, 0, 0, 0, 2, ...pixels]));
  folder.write(`${name}-labels`, Uint8Array.from([0, 0, 8, 1, ...count, ...labels]));
}
