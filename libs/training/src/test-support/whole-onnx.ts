import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emitOnnx } from "@anneal/export";
import { checkOnnxFiles, largestDifference, onnxBytes } from "@anneal/export/test-support";
import * as ort from "onnxruntime-node";
import { afterAll, afterEach, expect, test } from "vitest";
import { createEngine } from "../engine/create-engine.ts";
import { testTensorflow } from "./tensorflow.ts";
import { trainABit } from "./train-a-bit.ts";
import { batchFor, type WholeModel } from "./whole-model.ts";

/** Of outputs around 1: float32 sums in another order, through a few dozen layers. */
const tolerance = 1e-5;

/** Layouts are changed where a model takes its images, and where it takes values out of them in their own order. */
const mostTransposes: Readonly<Record<string, number>> = {
  "residual block with batch normalisation": 1,
  "inception block": 1,
  "depthwise-separable network": 1,
  autoencoder: 2,
};

/** Whole models, trained for a few steps, in ONNX's own runtime against the engine that they were trained by. */
export function describeWholeOnnx(models: readonly (readonly [string, WholeModel])[]): void {
  const engine = createEngine.compiled(testTensorflow());
  afterEach(() => engine.dispose());
  const folder = mkdtempSync(join(tmpdir(), "anneal-onnx-models-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(models)("%s", async (name, whole) => {
    const prepared = trainABit(engine, whole);
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
}
