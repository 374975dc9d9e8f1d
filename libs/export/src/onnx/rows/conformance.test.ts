import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnnealError } from "@anneal/contracts";
import { opTable } from "@anneal/graph";
import { callFamilies, execute, type TestCall, toData } from "@anneal/graph/test-calls";
import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import type { PredictModel } from "../../model/predict-model.ts";
import { checkOnnxFiles } from "../../test-support/check-onnx.ts";
import { largestDifference } from "../../test-support/compare.ts";
import { onnxBytes } from "../../test-support/run-onnx.ts";
import { singleOpModel } from "../../test-support/single-op.ts";
import { emitOnnx } from "../emit-graph.ts";
import { onnxRows } from "./index.ts";
import { unwritten } from "./unwritten.ts";

/** Models of a single call, generated, in ONNX's own runtime against TensorFlow. */
const numRuns = 12;
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

/** Ops whose other outputs are for gradients alone. */
const firstOutputOnly = new Set(["FusedBatchNorm", "FusedBatchNormV3"]);

/** Calls that a model which predicts can have, as a model of one call; null for others. */
function modelOf(call: TestCall): PredictModel | null {
  const model = attempt(() => singleOpModel(call));
  if (model === null) return null;
  const outputs = firstOutputOnly.has(call.op) ? model.outputs.slice(0, 1) : model.outputs;
  const types = [
    ...call.inputs.map(({ type }) => type),
    ...outputs.map(({ value }) => value.node.outputs[value.index]!),
  ];
  const isInFloat32 = types.every(({ dtype }) => dtype !== "bfloat16");
  // TensorFlow 2.21 gives zeros for it.
  const isBroken = call.op === "Round" && call.inputs[0]!.type.dtype === "int32";
  // With such strides it begins in the middle of what it passes over.
  const isOdd = call.op === "MaxPool3D" && isShorterThanStride(call);
  const isTraining = call.attributes.is_training?.value === true;
  return isInFloat32 && !isBroken && !isOdd && !isTraining && !isEmptyWindow(call.op, types)
    ? { ...model, outputs }
    : null;
}

function isShorterThanStride({ attributes }: TestCall): boolean {
  const [sizes, strides] = [attributes.ksize?.value, attributes.strides?.value] as [number[], number[]];
  return sizes.some((size, axis) => size < strides[axis]!);
}

/** A window that fits nowhere. */
function isEmptyWindow(op: string, types: readonly { readonly shape: readonly number[] }[]): boolean {
  return opTable[op]?.kind === "pooling" && types.some(({ shape }) => shape.includes(0));
}

/** What `run` gives; null where the call is refused with a code. */
function attempt<T>(run: () => T): T | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof AnnealError) return null;
    throw error;
  }
}

const families = Object.entries(callFamilies).flatMap(([family, calls]) => {
  const written = Object.entries(calls).filter(([op]) => Object.hasOwn(onnxRows, op));
  return written.length === 0 ? [] : [[family, written] as const];
});

describe.each(families)("%s", (_family, calls) => {
  test.each(calls)("%s", async (_op, arbitrary) => {
    let numCompared = 0;
    await fc.assert(
      fc.asyncProperty(
        arbitrary.filter((call) => modelOf(call) !== null),
        async (call) => {
          const model = modelOf(call)!;
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
  expect(numWritten).toBeGreaterThan(1000);
  expect(await checkOnnxFiles(folder)).toBe("");
});

test("every op that a model can predict with has a row, or a reason why not", () => {
  const known = [...Object.keys(onnxRows), ...Object.keys(unwritten)];
  expect(known.sort()).toEqual(Object.keys(opTable).sort());
});
