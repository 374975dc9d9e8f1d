import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emitOnnx, prepareModel } from "@anneal/export";
import { checkOnnxFiles, largestDifference, onnxBytes } from "@anneal/export/test-support";
import * as ort from "onnxruntime-node";
import { afterAll, afterEach, expect, test } from "vitest";
import { createEngine } from "../engine/create-engine.ts";
import { adam } from "../optimizers/specs.ts";
import { wholeModels } from "../test-support/models.ts";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyOptions, tinyRecipe } from "../test-support/tiny.ts";
import { batchFor, type WholeModel } from "../test-support/whole-model.ts";
import { weightsOf } from "./model-weights.ts";

/** Whole models, trained for a few steps, in ONNX's own runtime against the engine that they were trained by. */
const engine = createEngine.compiled(testTensorflow());
afterEach(() => engine.dispose());
const folder = mkdtempSync(join(tmpdir(), "anneal-onnx-models-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Of outputs around 1: float32 sums in another order, through a few dozen layers. */
const tolerance = 1e-5;

/** Layouts are changed where a model takes its images, and where it takes values out of them in their own order. */
const mostTransposes: Readonly<Record<string, number>> = {
  "residual block with batch normalisation": 1,
  "inception block": 1,
  "depthwise-separable network": 1,
  autoencoder: 2,
};

/** The model with weights away from the initial ones, of which some are zeros and ones. */
function trainABit(whole: WholeModel) {
  const { inputs, labels, numClasses, loss, model } = whole;
  const recipe = tinyRecipe({ model, loss, metrics: {} });
  const optimizer = adam({ learningRate: 0.05 });
  engine.prepare(tinyOptions({ recipe, inputs, labels, numClasses, optimizer, batchSize: 6 }));
  for (let step = 0; step < 5; step++) engine.trainBatch(batchFor(whole, step, 6), { step, learningRate: 0.05 });
  return prepareModel({
    trace: (numSamples) => engine.tracePredict(numSamples),
    weights: weightsOf(engine.readState().model),
  });
}

test.each(Object.entries(wholeModels))("%s", async (name, whole) => {
  const prepared = trainABit(whole);
  expect(prepared.fixedBatch).toBeNull();
  const { graph } = emitOnnx(prepared);
  const bytes = onnxBytes(graph);
  writeFileSync(join(folder, `${name}.onnx`), bytes);
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  for (const numSamples of [1, 5]) {
    const { inputs } = batchFor(whole, 9, numSamples);
    const shape = [numSamples, ...whole.inputs.shape];
    const fed = new ort.Tensor(whole.inputs.dtype as "float32", inputs as Float32Array, shape);
    const { outputs } = await session.run({ inputs: fed });
    const expected = engine.predictBatch(inputs, numSamples);
    expect(largestDifference(expected, outputs!.data as Float32Array)).toBeLessThan(tolerance);
  }
  const numTransposes = graph.nodes.filter(({ op }) => op === "Transpose").length;
  expect(numTransposes).toBeLessThanOrEqual(mostTransposes[name] ?? Number.POSITIVE_INFINITY);
});

test("ONNX's checker takes every one of them", async () => {
  expect(await checkOnnxFiles(folder)).toBe("");
});
