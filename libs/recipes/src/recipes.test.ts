import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunSpecInput, runSpecSchema } from "@anneal/contracts";
import { recipeResolutionArguments } from "@anneal/runtime";
import { describeParameters, loadRecipe, snapshotRecipe, spawnTrainer } from "@anneal/training";
import { evaluateCheckpoint, mnist, mobyDick, predictWithCheckpoint } from "anneal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtInRecipes, recipeTemplate } from "./index.ts";

const home = mkdtempSync(join(tmpdir(), "anneal-recipes-"));
afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));

/** Runs a program with the packages that recipes import, and returns what it prints. */
function runNode(args: readonly string[]): string {
  return execFileSync(process.execPath, [...recipeResolutionArguments(), ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
}

/** Trains in a real trainer process, as an activity would. */
async function train(name: string, path: string, spec: Partial<RunSpecInput>) {
  const runId = `${name}-run`;
  const runDirectory = join(home, "runs", runId);
  const run = { runId, spec: runSpecSchema.parse({ recipe: { name, path }, ...spec }) };
  const trainer = await spawnTrainer({ runDirectory });
  try {
    const { plan } = await trainer.prepare({ ...run, attempt: 1, resume: null });
    const segment = { ...run, plan, attempt: 2, untilStep: plan.totalSteps, allowInexact: false };
    const { result } = await trainer.segment(segment);
    const evaluation = await trainer.evaluate({ ...run, plan, attempt: 3 });
    return { runDirectory, plan, result, evaluation };
  } finally {
    await trainer.close();
  }
}

describe.each(Object.entries(builtInRecipes))("%s", (name, path) => {
  test("loads, describes each parameter, and can be kept with a run", async () => {
    const recipe = await loadRecipe(path);
    expect(recipe.name).toBe(name);
    const rows = describeParameters(recipe);
    expect(rows.every(({ description }) => description.length > 0)).toBe(true);
    expect(rows.every((row) => row.default !== undefined)).toBe(true);
    const { entry } = await snapshotRecipe(path, join(home, "snapshots"));
    const script = `import { loadRecipe } from ${JSON.stringify(import.meta.resolve("@anneal/training"))};
      process.stdout.write((await loadRecipe(${JSON.stringify(entry)})).name);`;
    expect(runNode(["--input-type=module", "-e", script])).toBe(name);
  });
});

test("mnist learns the first digits within a few steps, augmented and with a validation share", async () => {
  const { plan, result, evaluation } = await train("mnist", builtInRecipes.mnist!, {
    parameters: { augment: true, validationShare: 0.2, epochs: 1 },
    maxSteps: 40,
  });
  expect(plan).toMatchObject({ numTestSamples: 10_000, totalSteps: 40, monitor: { metric: "validation/accuracy" } });
  expect(plan.numTrainSamples + plan.numValidationSamples).toBe(60_000);
  expect(result).toMatchObject({ step: 40, finished: true });
  expect(evaluation).toMatchObject({ split: "test", numSamples: 10_000 });
  expect(evaluation.metrics.accuracy).toBeGreaterThan(0.75);
});

test("resnet20 learns to tell clothes within a few steps", async () => {
  const parameters = { width: 4, epochs: 1, validationShare: 0.5, batchSize: 32 };
  const { plan, result, evaluation } = await train("resnet20", builtInRecipes.resnet20!, { parameters, maxSteps: 40 });
  expect(plan).toMatchObject({ numTestSamples: 10_000, monitor: { metric: "validation/accuracy" } });
  expect(result).toMatchObject({ step: 40, finished: true });
  // As it trained: after so few steps the averages of its normalisation are still those of its beginning.
  expect(result.metrics.accuracy).toBeGreaterThan(0.2);
  expect(evaluation).toMatchObject({ split: "test", numSamples: 10_000 });
});

test("chars learns the letters of a text of one's own within a few steps, and predicts each place", async () => {
  const path = join(home, "melville.txt");
  writeFileSync(path, readFileSync(mobyDick(), "utf8").slice(0, 20_000));
  const parameters = { text: path, width: 32, numLayers: 1, numHeads: 2, length: 32, epochs: 2, batchSize: 16 };
  const { runDirectory, plan, evaluation } = await train("chars", builtInRecipes.chars!, { parameters });
  expect(plan.monitor).toEqual({ metric: "validation/loss", direction: "minimize" });
  expect(plan.numTrainSamples + plan.numValidationSamples + plan.numTestSamples).toBe(Math.floor(19_999 / 32));
  // Every letter as likely as any other would be some 4.3 nats; guessing by how often each comes, 3.1.
  expect(evaluation).toMatchObject({ split: "test" });
  expect(evaluation.metrics.loss).toBeLessThan(3.1);
  expect(evaluation.metrics.accuracy).toBeGreaterThan(0.2);
  const samples = { kind: "split", split: "test", indices: [0] } as const;
  const { outputShape, predictions } = await predictWithCheckpoint(runDirectory, samples);
  expect(outputShape[0]).toBe(32);
  expect(predictions[0]).toMatchObject({ predictedClass: null, label: null });
  expect(predictions[0]!.outputs).toHaveLength(32 * outputShape[1]!);
});

test("the template of `anneal init` trains as it is, in a folder of its own", async () => {
  const path = join(home, "recipe.ts");
  writeFileSync(path, await recipeTemplate());
  const { evaluation } = await train("my-recipe", path, { parameters: { numSamples: 2_000, epochs: 2 } });
  expect(evaluation.metrics.accuracy).toBeGreaterThan(0.7);
});

describe("a trained model", () => {
  let trained: Awaited<ReturnType<typeof train>>;
  beforeAll(async () => {
    trained = await train("smoke", builtInRecipes.smoke!, { parameters: { numSamples: 400, epochs: 2 } });
  });

  test("is a TensorFlow.js model again, with the same outputs on another backend", async () => {
    const inputs = Array.from({ length: 784 }, (_, i) => (i % 28) / 28);
    // A program of a person's own, anywhere: by Node, on TensorFlow.js's own backend.
    const program = join(home, "program.mts");
    writeFileSync(
      program,
      `import * as tf from "@tensorflow/tfjs";
       import { loadModel } from "anneal";
       await tf.setBackend("cpu");
       const { model, recipe, manifest, inputShape } = await loadModel(${JSON.stringify(trained.runDirectory)});
       const inputs = tf.tensor(${JSON.stringify(inputs)}, [1, ...inputShape]);
       const outputs = Array.from(model.predict(inputs).dataSync());
       process.stdout.write(JSON.stringify({ outputs, name: recipe.name, digest: manifest.digest, backend: tf.getBackend() }));`,
    );
    const loaded = JSON.parse(runNode([program])) as {
      outputs: number[];
      name: string;
      digest: string;
      backend: string;
    };
    expect(loaded).toMatchObject({ name: "smoke", digest: trained.result.checkpoint.digest, backend: "cpu" });
    const { path } = trained.result.checkpoint;
    const [prediction] = (await predictWithCheckpoint(path, { kind: "inputs", inputs: [inputs] })).predictions;
    expect(loaded.outputs).toHaveLength(10);
    loaded.outputs.forEach((value, index) => {
      expect(value).toBeCloseTo(prediction!.outputs[index]!, 4);
    });
    expect(prediction!.predictedClass).toBe(loaded.outputs.indexOf(Math.max(...loaded.outputs)));
  });

  test("can be evaluated again by its checkpoint alone", async () => {
    const { path } = trained.result.checkpoint;
    expect(await evaluateCheckpoint(path)).toEqual({ ...trained.evaluation, checkpoint: trained.result.checkpoint });
    await expect(evaluateCheckpoint(join(home, "nowhere"))).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
  });
});

test("data sets are declarations: none is read until it is used", () => {
  expect(mnist({ split: "test" }).take(10).parts[0]?.selections).toEqual([{ kind: "range", start: 0, end: 10 }]);
});
