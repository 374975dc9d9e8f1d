import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportSpecSchema, runSpecSchema } from "@anneal/contracts";
import { exporters } from "@anneal/export";
import { exportCheckpoint, spawnTrainer } from "@anneal/training";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtInRecipes } from "./index.ts";

/** Every recipe, trained for a few steps, in every format and precision; each file is proven in its own runtime before it is kept. */
const home = mkdtempSync(join(tmpdir(), "anneal-recipe-exports-"));
afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));

/** Small, where the recipe is not: what is exported has the same layers. */
const parameters: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  resnet20: { width: 4, batchSize: 32 },
  chars: { width: 32, numLayers: 2, numHeads: 2, length: 32 },
};

const choices = Object.values(exporters).flatMap(({ format, precisions }) =>
  precisions.map((precision) => ({ format, precision })),
);

describe.each(Object.entries(builtInRecipes))("%s", (name, path) => {
  const runDirectory = join(home, "runs", name);

  beforeAll(async () => {
    const spec = runSpecSchema.parse({ recipe: { name, path }, parameters: parameters[name] ?? {}, maxSteps: 20 });
    const run = { runId: name, spec };
    const trainer = await spawnTrainer({ runDirectory });
    try {
      const { plan } = await trainer.prepare({ ...run, attempt: 1, resume: null });
      await trainer.segment({ ...run, plan, attempt: 2, untilStep: plan.totalSteps, allowInexact: false });
    } finally {
      await trainer.close();
    }
    // Data may be converted first.
  }, 900_000);

  test.each(choices)("as $format in $precision", async ({ format, precision }) => {
    const spec = exportSpecSchema.parse({ format, precision, heldOutSamples: 128 });
    const report = await exportCheckpoint(runDirectory, spec, join(home, "exports"));
    expect(report).toMatchObject({ spec, fixedBatch: null, recipe: { name } });
    expect(report.heldOut.numSamples).toBeGreaterThan(60);
    expect(Object.keys(report.after.metrics)).toEqual(Object.keys(report.before.metrics));
  });
});
