import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { calibrationMethods, type ExportSpec, exportSpecSchema } from "@anneal/contracts";
import { afterAll, expect, test } from "vitest";
import { exportModel } from "./export-model.ts";
import { heldOutOfLarge, largeModel, largeModelFacts } from "./test-support/large-model.ts";
import { testBackend } from "./test-support/small-model.ts";

const home = mkdtempSync(join(tmpdir(), "anneal-whole-numbers-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function exportLarge(name: string, spec: Partial<ExportSpec>, isCoarse = false) {
  const model = largeModel({ isCoarse });
  return exportModel({
    model,
    spec: exportSpecSchema.parse({ precision: "int8", ...spec }),
    facts: largeModelFacts,
    heldOut: heldOutOfLarge(model),
    calibration: heldOutOfLarge(model, 3),
    backend: testBackend(),
    directory: join(home, name),
  });
}

test.each(calibrationMethods)("ranges by %s are good enough, and the card says how they were found", async (method) => {
  const report = await exportLarge(method, { calibration: method });
  expect(report.quantization).toEqual({
    calibration: { method, numSamples: 67 },
    numLayers: 5,
    drop: expect.any(Number),
    layers: null,
  });
  expect(report.before.metrics.accuracy).toBe(1);
  expect(report.after.metrics.accuracy).toBeGreaterThan(0.9);
  expect(report.after.numBytes).toBeLessThan(160_000);
  const card = readFileSync(report.cardPath, "utf8");
  expect(card).toContain(`67 training samples (${method})`);
  expect(card).toContain("| accuracy |");
});

test("the layer that loses too much is found by its own loss, kept in float32 on request, and listed", async () => {
  await expect(exportLarge("lossy", {}, true)).rejects.toMatchObject({ code: "EXPORT_DISAGREES" });
  const report = await exportLarge("kept", { maxDrop: 5 }, true);
  const { layers, drop, numLayers } = report.quantization!;
  expect(layers![0]).toMatchObject({ layer: "hidden", isKept: true });
  expect(layers!.filter(({ isKept }) => isKept)).toHaveLength(1);
  expect(numLayers).toBe(4);
  expect(drop).toBeLessThanOrEqual(5);
  expect(readFileSync(report.cardPath, "utf8")).toMatch(/\| hidden \| [\d.]+ \| float32 \|/);
});

test("a loss cannot be bounded where no accuracy is measured", async () => {
  const model = largeModel();
  const heldOut = { ...heldOutOfLarge(model), judge: () => ({ loss: 1 }) };
  const request = { model, facts: largeModelFacts, heldOut, calibration: null, backend: testBackend() };
  const spec = exportSpecSchema.parse({ precision: "int8-weights", maxDrop: 1 });
  const failure = exportModel({ ...request, spec, directory: join(home, "unmeasured") });
  await expect(failure).rejects.toMatchObject({ code: "PARAMETER_INVALID" });
});
