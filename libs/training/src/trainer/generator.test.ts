import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tempAnnealHome } from "@anneal/testing";
import { afterAll, expect, test } from "vitest";
import { RunDriver } from "../test-support/drive.ts";
import { tempFolder } from "../test-support/temp-folder.ts";

const home = tempAnnealHome();
const folder = tempFolder();
afterAll(() => {
  folder[Symbol.dispose]();
  home[Symbol.dispose]();
});

const recipe = `
import * as tf from "@tensorflow/tfjs";
import { accuracy, defineRecipe, generator, sgd } from "anneal";
import { z } from "zod";

export default defineRecipe({
  name: "generated",
  parameters: z.object({}),
  data: () => {
    const of = (numSamples: number) =>
      generator({
        module: import.meta.resolve("./samples.ts"),
        numSamples,
        inputs: { shape: [4], dtype: "float32" },
        labels: { shape: [], dtype: "int32" },
        numClasses: 3,
      });
    return { train: of(90).shuffle(true, { window: 25 }), validation: of(20) };
  },
  model: ({ inputShape, numClasses }) => tf.sequential({ layers: [tf.layers.dense({ inputShape, units: numClasses })] }),
  loss: "softmaxCrossEntropy",
  metrics: { accuracy: accuracy() },
  optimizer: () => sgd({ learningRate: 0.1 }),
  training: () => ({ epochs: 2, batchSize: 16 }),
});
`;

const samples = `
export default async function* (_: unknown, { epoch, seed }: { epoch: number; seed: number }) {
  for (let index = 0; ; index++) {
    const label = index % 3;
    yield { input: [label, Math.sin(index + epoch), Math.cos(index * seed), 1], label };
  }
}
`;

test("a run on a generator is stopped in an epoch and goes on to the same bits, and its log says what is read again", async () => {
  folder.write("samples.ts", samples);
  const path = folder.write("generated.ts", recipe);
  const newRun = (id: string) => new RunDriver(home.path, id, { recipe: { name: "generated", path } });
  await using whole = newRun("whole");
  await whole.finish();
  await using pieces = newRun("pieces");
  const logFile = join(folder.path, "trainer.log");
  pieces.spawnWith({ logFile });
  await pieces.prepare();
  await pieces.segment({ untilStep: 4 });
  await pieces.close();
  await pieces.finish();
  expect(pieces.last!.checkpoint.digest).toBe(whole.last!.checkpoint.digest);
  // 4 batches of 16.
  expect(readFileSync(logFile, "utf8")).toContain("the generator cannot begin at sample 64");
});

const ending = `
export default async function* ({ at }: { at: number }) {
  for (let index = 0; index < 40; index++) {
    if (index === at) process.exit(5);
    yield { input: [index, 0, 0, 1], label: index % 3 };
  }
}
`;

test.each([
  ["while it is counted", null],
  ["while it is trained on", 40],
] as const)(
  "a generator that ends its process ends the run, %s, with its file and its sample",
  async (_, numSamples) => {
    const module = folder.write("ending.ts", ending);
    const declared = `module: import.meta.resolve("./ending.ts"), options: { at: 20 },`;
    const counted = recipe.replace('module: import.meta.resolve("./samples.ts"),', declared);
    const text =
      numSamples === null ? counted.replace("        numSamples,\n", "") : counted.replace("of(90)", "of(40)");
    const path = folder.write("ending-recipe.ts", text);
    await using run = new RunDriver(home.path, `ending-${numSamples}`, { recipe: { name: "ending", path } });
    const running = (async () => {
      await run.prepare();
      await run.segment();
    })();
    await expect(running).rejects.toMatchObject({
      code: "SOURCE_FAILED",
      message: `The generator ${module} (default) failed at ${module}, sample 20 of epoch 0: it ended its thread (process.exit, code 5)`,
    });
  },
);
