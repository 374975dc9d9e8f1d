import { existsSync } from "node:fs";
import { join } from "node:path";
import { exportSpecSchema } from "@anneal/contracts";
import { tempAnnealHome } from "@anneal/testing";
import { afterAll, expect, test } from "vitest";
import { evaluateCheckpoint, exportCheckpoint } from "../inference/inference.ts";
import { RunDriver } from "./drive.ts";
import { writeKillRecipe } from "./kill-recipe.ts";
import { tempFolder } from "./temp-folder.ts";

/** A checkpoint of a real run, exported by a trainer process as the command does. */
export function describeExportBy(engine: "compiled" | "eager"): void {
  const home = tempAnnealHome();
  const folder = tempFolder();
  const recipe = { name: "kill", path: writeKillRecipe(folder) };
  afterAll(() => {
    folder[Symbol.dispose]();
    home[Symbol.dispose]();
  });

  test(`a run by the ${engine} engine is exported, and proven on all of its test data`, async () => {
    await using run = new RunDriver(home.path, `run-${engine}`, { recipe, engine });
    const { result } = await run.finish();
    const spec = exportSpecSchema.parse({});
    const report = await exportCheckpoint(run.runDirectory, spec, join(home.path, engine));
    expect(existsSync(report.file.path)).toBe(true);
    expect(report).toMatchObject({
      recipe: { name: "kill" },
      checkpoint: { digest: result.checkpoint.digest },
      heldOut: { split: "test", numSamples: 40 },
      runtime: { name: "ONNX Runtime" },
    });
    // What another runtime computed is judged as the engine judges its own outputs.
    const { metrics } = await evaluateCheckpoint(run.runDirectory, "test");
    for (const [name, value] of Object.entries(metrics)) {
      expect(report.before.metrics[name], name).toBeCloseTo(value, 5);
      expect(report.after.metrics[name], name).toBeCloseTo(value, 4);
    }
    const whole = exportSpecSchema.parse({ precision: "int8", calibration: "percentile", calibrationSamples: 100 });
    const { quantization } = await exportCheckpoint(run.runDirectory, whole, join(home.path, engine, "int8"));
    expect(quantization).toMatchObject({ calibration: { method: "percentile", numSamples: 100 }, numLayers: 2 });
  });
}
