import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runSpecSchema } from "@anneal/contracts";
import { spawnTrainer } from "@anneal/training";
import { expect, test } from "vitest";
import { builtInRecipes } from "./index.ts";

test("mnist reaches 98.7 % on the 10,000 test images in three epochs", { timeout: 600_000 }, async () => {
  const home = mkdtempSync(join(tmpdir(), "anneal-mnist-"));
  const runDirectory = join(home, "runs", "mnist");
  const trainer = await spawnTrainer({ runDirectory });
  try {
    const run = {
      runId: "mnist",
      spec: runSpecSchema.parse({ recipe: { name: "mnist", path: builtInRecipes.mnist! } }),
    };
    const { plan } = await trainer.prepare({ ...run, attempt: 1, resume: null });
    await trainer.segment({ ...run, plan, attempt: 2, untilStep: plan.totalSteps, allowInexact: false });
    const { metrics } = await trainer.evaluate({ ...run, plan, attempt: 3 });
    expect(metrics.accuracy).toBeGreaterThan(0.987);
  } finally {
    await trainer.close();
    rmSync(home, { recursive: true, force: true });
  }
});
