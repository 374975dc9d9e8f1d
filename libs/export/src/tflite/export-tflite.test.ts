import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportSpecSchema } from "@anneal/contracts";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type ExportRequest, exportModel } from "../export-model.ts";
import { litertRuntime } from "../runtimes/litert-runtime.ts";
import { installPackages } from "../test-support/python.ts";
import { tfliteBytes } from "../test-support/run-tflite.ts";
import { heldOutOf, smallModel, smallModelFacts, testBackend } from "../test-support/small-model.ts";
import { emitTflite } from "./emit-graph.ts";
import type { TfliteRow } from "./row.ts";
import { tfliteRows } from "./rows/index.ts";
import { exporterWith } from "./tflite-exporter.ts";

const home = mkdtempSync(join(tmpdir(), "anneal-export-"));
beforeAll(() => installPackages("litert"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const model = smallModel();
const heldOut = heldOutOf(model);

function requestFor(name: string, changes: Partial<ExportRequest> = {}): ExportRequest {
  return {
    model,
    spec: exportSpecSchema.parse({ format: "tflite" }),
    calibration: null,
    facts: smallModelFacts,
    heldOut,
    backend: testBackend(),
    directory: join(home, name),
    ...changes,
  };
}

test("a model that LiteRT proved is there, and says what it is", async () => {
  const report = await exportModel(requestFor("sound"));
  expect(readdirSync(join(home, "sound")).sort()).toEqual(["small.tflite", "small.tflite.json", "small.tflite.md"]);
  expect(statSync(report.file.path).size).toBe(report.file.numBytes);
  expect(report).toMatchObject({ fixedBatch: null, runtime: { name: "LiteRT" } });
  expect(report.difference).toMatchObject({ largest: expect.closeTo(0, 4), sameClass: 1 });
  expect(report.after.times.p50Ms).toBeGreaterThan(0);
  // Activations are part of the convolutions, and images stay as they are.
  expect(report.ops).toEqual({ ADD: 1, CONV_2D: 2, FULLY_CONNECTED: 1, MEAN: 1 });
  const text = readFileSync(report.file.path, "latin1");
  for (const said of ["TFL3", "checkpoint_digest", "c1", "recipe_digest", "d1", "serving_default"])
    expect(text).toContain(said);
});

describe("a row that writes something else fails the gate, and leaves no file", () => {
  const withRow = (op: string, row: TfliteRow) => exporterWith({ ...tfliteRows, [op]: row });
  const halved =
    (row: TfliteRow): TfliteRow =>
    (call) =>
      call.emit("MUL", [row(call) as Exclude<ReturnType<TfliteRow>, readonly unknown[]>, call.scalar(0.5)]);

  test.each([
    ["a convolution", withRow("Conv2D", halved(tfliteRows.Conv2D!)), /stem \(Conv2D\)/],
    ["a reduction", withRow("Mean", halved(tfliteRows.Mean!)), /pool \(Mean\)/],
  ])("%s", async (name, exporter, where) => {
    const failure = exportModel(requestFor(name, { exporter }));
    await expect(failure).rejects.toMatchObject({ code: "EXPORT_DISAGREES", message: expect.stringMatching(where) });
    expect(readdirSync(join(home, name))).toEqual([]);
  });
});

test("an op without a row is named with its layer before anything is written", () => {
  const { Relu: _, ...rows } = tfliteRows;
  expect(() => emitTflite(model, { rows })).toThrow(
    expect.objectContaining({
      code: "EXPORT_UNSUPPORTED",
      message: expect.stringMatching(/Relu \(stem\), Relu \(body\)/),
      facts: { format: "TensorFlow Lite", op: "Relu", layer: "stem" },
    }),
  );
});

describe("the runtime", () => {
  const { type, values, numSamples } = heldOut;
  const samples = { type, values, numSamples };
  const run = (path: string) => litertRuntime.run({ path, samples, batchSize: 8, outputs: ["outputs"], numTimed: 0 });

  test("refuses files that are cut short, wherever that is, with a code", async () => {
    const bytes = tfliteBytes(emitTflite(model).graph);
    for (const share of [0, 0.02, 0.3, 0.7, 0.99]) {
      const path = join(home, `cut-${share}.tflite`);
      writeFileSync(path, bytes.subarray(0, Math.floor(share * bytes.length)));
      await expect(run(path)).rejects.toMatchObject({ code: "RUNTIME_FAILED" });
    }
  });

  test("that is not installed says how it is", async () => {
    const broken = join(home, "broken");
    mkdirSync(broken);
    // What the runtime loads first.
    writeFileSync(join(broken, "numpy.py"), "raise ImportError('not for this machine')");
    vi.stubEnv("ANNEAL_CACHE", join(home, "empty"));
    vi.stubEnv("PYTHONPATH", broken);
    const failure = run(join(home, "any.tflite"));
    await expect(failure).rejects.toMatchObject({
      code: "RUNTIME_MISSING",
      message: expect.stringContaining("not for this machine"),
      remedy: expect.stringMatching(/pip install .*ai-edge-litert==/),
    });
  });
});
