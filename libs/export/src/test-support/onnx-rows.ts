import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callFamilies, execute, type TestCall, toData } from "@anneal/graph/test-calls";
import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import type { PredictModel } from "../model/predict-model.ts";
import { emitOnnx } from "../onnx/emit-graph.ts";
import { onnxRows } from "../onnx/rows/index.ts";
import { checkOnnxFiles } from "./check-onnx.ts";
import { largestDifference } from "./compare.ts";
import { attempt, modelOfCall } from "./predicting-call.ts";
import { onnxBytes } from "./run-onnx.ts";

const tolerance = 1e-5;

/** Of one thread and without the runtime's own passes: it is made for a single call. */
const sessionOptions = { logSeverityLevel: 3, intraOpNumThreads: 1, interOpNumThreads: 1 } as const;

/** What TensorFlow makes of a call; null where it refuses. */
function byTensorflow(call: TestCall, numOutputs: number): readonly number[][] | null {
  const results: number[][] = [];
  try {
    execute(call, numOutputs, (tf, ids) => {
      for (const id of ids) results.push(Array.from(tf.tensorDataSync(id) as Float32Array, Number));
    });
    return results;
  } catch {
    return null;
  }
}

const folder = mkdtempSync(join(tmpdir(), "anneal-onnx-calls-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let numWritten = 0;

async function byOnnx(call: TestCall, model: PredictModel): Promise<readonly number[][]> {
  const bytes = onnxBytes(emitOnnx(model).graph);
  writeFileSync(join(folder, `${call.op}-${numWritten++}.onnx`), bytes);
  const session = await ort.InferenceSession.create(bytes, sessionOptions);
  const feeds = model.inputs.map(({ name, value }) => {
    const { dtype, shape } = value.node.outputs[0]!;
    const { values } = call.inputs[Number(name.slice("input".length))]!;
    return [name, new ort.Tensor(dtype as "float32", toData(dtype, values) as Float32Array, [...shape])] as const;
  });
  try {
    const results = await session.run(Object.fromEntries(feeds));
    return model.outputs.map(({ name }) => Array.from(results[name]!.data as Float32Array, Number));
  } finally {
    await session.release();
  }
}

const families = Object.entries(callFamilies).flatMap(([family, calls]) => {
  const written = Object.entries(calls).filter(([op]) => Object.hasOwn(onnxRows, op));
  return written.length === 0 ? [] : [[family, written] as const];
});

/** Models of a single call, generated, in ONNX's own runtime against TensorFlow: so many of each op. */
export function describeOnnxRows(numRuns: number): void {
  describe.each(families)("%s", (_family, calls) => {
    test.each(calls)("%s", async (_op, arbitrary) => {
      let numCompared = 0;
      await fc.assert(
        fc.asyncProperty(
          arbitrary.filter((call) => modelOfCall(call) !== null),
          async (call) => {
            const model = modelOfCall(call)!;
            const expected = byTensorflow(call, model.graph.nodes.at(-1)!.outputs.length);
            if (expected === null || attempt(() => emitOnnx(model)) === null) return;
            const actual = await byOnnx(call, model);
            actual.forEach((values, index) => {
              expect(largestDifference(expected[index]!, values)).toBeLessThan(tolerance);
            });
            numCompared += 1;
          },
        ),
        { seed: 1, numRuns },
      );
      // What is refused shows nothing.
      expect(numCompared).toBeGreaterThan(numRuns / 3);
    });
  });

  test("ONNX's checker takes every one of these models", async () => {
    expect(numWritten).toBeGreaterThan(80 * (numRuns / 2));
    expect(await checkOnnxFiles(folder)).toBe("");
  });
}
