import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What a recipe file in a test says differently from a good one. Each is source text of one property. */
export interface RecipeParts {
  readonly head?: string;
  readonly parameters?: string;
  readonly data?: string;
  readonly model?: string;
}

/** Writes a small regression-to-classes recipe, in a folder outside the repository with nothing installed, and returns its path. */
export function writeRecipe(folder: string, name: string, parts: RecipeParts = {}): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.ts`);
  writeFileSync(
    path,
    `import * as tf from "@tensorflow/tfjs";
import { accuracy, adam, arrays, defineRecipe, idx, mnist, normalise } from "anneal";
import { z } from "zod";
${parts.head ?? ""}
const numSamples = 96;
const inputs = Float32Array.from({ length: numSamples * 4 }, (_, index) => ((index * 37) % 100) / 100);
const labels = Int32Array.from({ length: numSamples }, (_, index) => (inputs[index * 4]! > 0.5 ? 1 : 0));
void [idx, mnist, normalise];
export default defineRecipe({
  name: "${name}",
  parameters: ${parts.parameters ?? "z.object({ epochs: z.int().min(1).max(1000).default(2), units: z.int().min(1).default(8) })"},
  data: ({ recipeDir }) => {
    void recipeDir;
    ${parts.data ?? "const all = arrays({ inputs, inputShape: [4], labels, numClasses: 2 }); const { rest, held } = all.split({ share: 0.25, seed: 1 }); return { train: rest, validation: held };"}
  },
  model: ({ parameters, inputShape, numClasses }) => {
    void [parameters, numClasses];
    ${parts.model ?? 'return tf.sequential({ layers: [tf.layers.dense({ inputShape, units: parameters.units, activation: "relu" }), tf.layers.dense({ units: numClasses })] });'}
  },
  loss: "softmaxCrossEntropy",
  metrics: { accuracy: accuracy() },
  optimizer: () => adam({ learningRate: 0.01 }),
  training: ({ parameters }) => ({ epochs: parameters.epochs, batchSize: 20 }),
});
`,
  );
  return path;
}

/** The bytes of an IDX file: uint8 values of the given dimensions. */
export function idxBytes(
  dimensions: readonly number[],
  values: Uint8Array,
  magic = 0x0800 + dimensions.length,
): Uint8Array {
  const header = Buffer.alloc(4 + 4 * dimensions.length);
  header.writeUInt32BE(magic, 0);
  dimensions.forEach((size, index) => {
    header.writeUInt32BE(size, 4 + 4 * index);
  });
  return Buffer.concat([header, values]);
}
