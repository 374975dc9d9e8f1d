import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExportPrecision } from "@anneal/contracts";
import { fromBinary } from "@bufbuild/protobuf";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { compareOutputs } from "../../gate/agreement.ts";
import { measureRanges } from "../../model/measure-ranges.ts";
import { checkOnnxFiles } from "../../test-support/check-onnx.ts";
import { heldOutOfLarge, largeModel } from "../../test-support/large-model.ts";
import { testBackend } from "../../test-support/small-model.ts";
import { onnxExporter } from "../onnx-exporter.ts";
import { ModelProtoSchema } from "../schema/onnx_pb.ts";

const folder = mkdtempSync(join(tmpdir(), "anneal-onnx-precision-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const model = largeModel();
const heldOut = heldOutOfLarge(model);
const rangeOf = measureRanges(model, { method: "minmax", samples: heldOutOfLarge(model, 3), backend: testBackend() });

function bytesOf(precision: ExportPrecision, kept: ReadonlySet<string> = new Set()): Uint8Array {
  const chunks: Uint8Array[] = [];
  const metadata = { description: "a test", properties: {} };
  const { write } = onnxExporter.prepare({ model, precision, metadata, rangeOf, kept });
  write((bytes) => void chunks.push(bytes.slice()));
  return Buffer.concat(chunks);
}

function opsOf(bytes: Uint8Array): readonly string[] {
  return fromBinary(ModelProtoSchema, bytes).graph!.node.map(({ opType }) => opType);
}

async function run(bytes: Uint8Array): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const { values, numSamples, type } = heldOut;
  const fed = new ort.Tensor("float32", values as Float32Array, [numSamples, ...type.shape]);
  const { outputs } = await session.run({ inputs: fed });
  return outputs!.data as Float32Array;
}

/** The ops that ONNX Runtime makes of a model. */
async function opsAtWork(bytes: Uint8Array): Promise<readonly string[]> {
  const optimizedModelFilePath = join(folder, "optimized");
  const options = { optimizedModelFilePath, graphOptimizationLevel: "extended", logSeverityLevel: 3 } as const;
  await ort.InferenceSession.create(bytes, options);
  return opsOf(readFileSync(optimizedModelFilePath));
}

test.each([
  ["float16", { share: 0.51, rootMeanSquare: 1e-3 }],
  ["int8", { share: 0.28, rootMeanSquare: 0.02 }],
  ["int8-weights", { share: 0.27, rootMeanSquare: 0.02 }],
] as const)("%s takes its part of the bytes, and gives the outputs", async (precision, { share, rootMeanSquare }) => {
  const bytes = bytesOf(precision);
  writeFileSync(join(folder, `${precision}.onnx`), bytes);
  expect(bytes.length / bytesOf("float32").length).toBeLessThan(share);
  const { numSamples } = heldOut;
  const difference = compareOutputs(heldOut.outputs, await run(bytes), { numSamples, areClasses: true });
  expect(difference.rootMeanSquare).toBeLessThan(rootMeanSquare);
  // What was not rounded at all would be nearer.
  expect(difference.rootMeanSquare).toBeGreaterThan(1e-6);
  expect(difference.sameClass).toBeGreaterThan(0.9);
});

test("ONNX's checker takes them", async () => {
  expect(await checkOnnxFiles(folder)).toBe("");
});

describe("what ONNX Runtime makes of them", () => {
  test("int8 computes in whole numbers from the first layer to the last", async () => {
    expect([...(await opsAtWork(bytesOf("int8")))].sort()).toEqual(
      [
        "MatMulIntegerToFloat",
        "MaxPool",
        "QGemm",
        "QLinearAdd",
        "QLinearConv",
        "QLinearConv",
        "QLinearConv",
        "QuantizeLinear",
        "Reshape",
        "Transpose",
        "Transpose",
      ].sort(),
    );
  });

  test("a layer that was kept between others in whole numbers computes in float32", async () => {
    const ops = await opsAtWork(bytesOf("int8", new Set(["hidden"])));
    expect(ops.filter((op) => ["FusedGemm", "Gemm"].includes(op))).toHaveLength(1);
    expect(ops).not.toContain("QGemm");
    expect(ops).toContain("MatMulIntegerToFloat");
  });

  test("int8-weights multiplies matrices in whole numbers, and has nothing left to restore", async () => {
    const ops = await opsAtWork(bytesOf("int8-weights"));
    expect(ops.filter((op) => op === "DynamicQuantizeMatMul")).toHaveLength(2);
    expect(ops).not.toContain("Cast");
  });

  test("float16 is float32 once it is loaded", async () => {
    expect(await opsAtWork(bytesOf("float16"))).not.toContain("Cast");
  });
});

test.each(["int8", "int8-weights"] as const)("%s leaves layers that are kept as they are", (precision) => {
  const layers = ["stem", "body", "depthwise", "hidden", "head"];
  const metadata = { description: "", properties: {} };
  const quantizedBut = (kept: readonly string[]) =>
    onnxExporter.prepare({ model, precision, metadata, rangeOf, kept: new Set(kept) }).quantized;
  expect([...quantizedBut([])!].sort()).toEqual([...layers].sort());
  expect(quantizedBut(["stem", "hidden", "depthwise", "body"])).toEqual(["head"]);
  const kept = opsOf(bytesOf(precision, new Set(layers)));
  expect(kept).toEqual(opsOf(bytesOf("float32")));
});

test("a value without a range stays in float32", () => {
  const { ops } = onnxExporter.prepare({
    model,
    precision: "int8",
    metadata: { description: "", properties: {} },
    rangeOf: () => null,
  });
  expect(ops).not.toHaveProperty("QuantizeLinear");
});
