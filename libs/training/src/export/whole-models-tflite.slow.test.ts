import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emitTflite } from "@anneal/export";
import { largestDifference, runTflite } from "@anneal/export/test-support";
import { afterAll, afterEach, expect, test } from "vitest";
import { createEngine } from "../engine/create-engine.ts";
import { wholeModels } from "../test-support/models.ts";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { trainABit } from "../test-support/train-a-bit.ts";
import { batchFor } from "../test-support/whole-model.ts";

/** Whole models, trained for a few steps, in LiteRT against the engine that they were trained by. */
const engine = createEngine.compiled(testTensorflow());
afterEach(() => engine.dispose());
const folder = mkdtempSync(join(tmpdir(), "anneal-tflite-models-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Of outputs around 1: float32 sums in another order, and other approximations of functions, through a few dozen layers. */
const tolerance = 2e-5;

/** Images lie as TensorFlow Lite wants them. */
const isImageModel = (name: string) =>
  ["residual", "inception", "depthwise", "autoencoder"].some((kind) => name.includes(kind));

test.each(Object.entries(wholeModels))("%s", async (name, whole) => {
  const prepared = trainABit(engine, whole);
  const { graph } = emitTflite(prepared);
  const batches = [1, 5].map((numSamples) => batchFor(whole, 9, numSamples));
  const cases = batches.map(({ numSamples, inputs }) => {
    const shape = [numSamples, ...whole.inputs.shape];
    return { graph, inputs: { inputs: { dtype: whole.inputs.dtype, shape, values: Array.from(inputs) } } };
  });
  const outcomes = await runTflite(join(folder, name), cases);
  for (const [index, { numSamples, inputs }] of batches.entries()) {
    const outcome = outcomes[index]!;
    if ("refused" in outcome) throw new Error(outcome.refused);
    const expected = engine.predictBatch(inputs, numSamples);
    expect(largestDifference(expected, outcome.outputs[0]!)).toBeLessThan(tolerance);
  }
  const numTransposes = graph.ops.filter(({ op }) => op === "TRANSPOSE").length;
  if (isImageModel(name)) expect(numTransposes).toBe(0);
  // Every bias is part of the op before it.
  if (name === "autoencoder") expect(graph.ops.map(({ op }) => op)).not.toContain("ADD");
});
