import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportSpecSchema } from "@anneal/contracts";
import { afterAll, describe, expect, test } from "vitest";
import { type ExportRequest, exportModel } from "./export-model.ts";
import { exporterWith } from "./onnx/onnx-exporter.ts";
import type { OnnxRow } from "./onnx/row.ts";
import { onnxRows } from "./onnx/rows/index.ts";
import { onnxRuntime } from "./runtimes/onnx-runtime.ts";
import { heldOutOf, smallModel, smallModelFacts, testBackend } from "./test-support/small-model.ts";

const home = mkdtempSync(join(tmpdir(), "anneal-export-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const model = smallModel();
const heldOut = heldOutOf(model);

function requestFor(name: string, changes: Partial<ExportRequest> = {}): ExportRequest {
  return {
    model,
    spec: exportSpecSchema.parse({}),
    calibration: null,
    facts: smallModelFacts,
    heldOut,
    backend: testBackend(),
    directory: join(home, name),
    ...changes,
  };
}

test("a model that was proven is there, with its report and its card", async () => {
  const report = await exportModel(requestFor("sound"));
  expect(readdirSync(join(home, "sound")).sort()).toEqual(["small.onnx", "small.onnx.json", "small.onnx.md"]);
  expect(statSync(report.file.path).size).toBe(report.file.numBytes);
  expect(JSON.parse(readFileSync(`${report.file.path}.json`, "utf8"))).toEqual(report);
  expect(report).toMatchObject({ fixedBatch: null, heldOut: { split: "test", numSamples: heldOut.numSamples } });
  expect(report.difference).toMatchObject({ largest: expect.closeTo(0, 4), sameClass: 1 });
  expect(report.after.metrics.mean).toBeCloseTo(report.before.metrics.mean!, 5);
  expect(report.after.times.p99Ms).toBeGreaterThanOrEqual(report.after.times.p50Ms);
  const card = readFileSync(report.cardPath, "utf8");
  for (const said of ["# small as ONNX, float32", "c1", "| mean |", report.file.sha256, "Conv 2"]) {
    expect(card).toContain(said);
  }
});

test("the file says what it is", async () => {
  const { file } = await exportModel(requestFor("described"));
  const text = readFileSync(file.path, "latin1");
  for (const said of ["checkpoint_digest", "c1", "recipe_digest", "d1", '{"name":"inputs"'])
    expect(text).toContain(said);
});

describe("a row that writes something else fails the gate, and leaves no file", () => {
  const withRow = (op: string, row: OnnxRow) => exporterWith({ ...onnxRows, [op]: row });

  test.each([
    ["an activation", withRow("Relu", halved(onnxRows.Relu!)), /stem \(Relu\)/],
    ["a convolution", withRow("Conv2D", halved(onnxRows.Conv2D!)), /stem \(Conv2D\)/],
    ["a reduction", withRow("Mean", halved(onnxRows.Mean!)), /pool \(Mean\)/],
  ])("%s", async (name, exporter, where) => {
    const failure = exportModel(requestFor(name, { exporter }));
    await expect(failure).rejects.toMatchObject({ code: "EXPORT_DISAGREES", message: expect.stringMatching(where) });
    expect(readdirSync(join(home, name))).toEqual([]);
  });

  function halved(row: OnnxRow): OnnxRow {
    return (call) => {
      const result = row(call) as string | { readonly name: string };
      const { name, ...rest } = typeof result === "string" ? { name: result } : result;
      return { ...rest, name: call.emit("Mul", [name, call.scalar(0.5)]) };
    };
  }
});

test("what the runtime refuses is said, and costs nothing but its own process", async () => {
  const path = join(home, "garbage.onnx");
  writeFileSync(path, "no model");
  const { type, values, numSamples } = heldOut;
  const samples = { type, values, numSamples };
  const run = onnxRuntime.run({ path, samples, batchSize: 8, outputs: ["outputs"], numTimed: 0 });
  await expect(run).rejects.toMatchObject({ code: "RUNTIME_FAILED" });
});

test("a format that is not written in a precision says which it is written in", async () => {
  const exporter = { ...exporterWith(onnxRows), precisions: ["float32"] as const };
  const spec = exportSpecSchema.parse({ precision: "float16" });
  await expect(exportModel(requestFor("precision", { spec, exporter }))).rejects.toMatchObject({
    code: "EXPORT_UNSUPPORTED",
    remedy: expect.stringContaining("float32"),
  });
});
