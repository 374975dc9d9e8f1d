import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Precision, runSpecSchema } from "@anneal/contracts";
import { spawnTrainer } from "@anneal/training";
import { expect, test } from "vitest";
import { builtInRecipes } from "./index.ts";

/**
 * Each recipe over a whole training with its defaults, in float32 and in bfloat16: both reach what its description says, and
 * bfloat16 costs nothing that matters. Some fifteen minutes on two cores that do nothing else.
 */
const wholeTrainings = [
  // Shares of the 10,000 test images that are told right; 0.3 points are about the standard error of resnet20's.
  { name: "mnist", metric: "accuracy", direction: 1, least: 0.987, tolerance: 0.003 },
  { name: "resnet20", metric: "accuracy", direction: 1, least: 0.92, tolerance: 0.003 },
  // Nats a character of the test windows.
  { name: "chars", metric: "loss", direction: -1, least: 1.65, tolerance: 0.01 },
  // How far prices are off, as a share of the price, on the mean of 5,266 diamonds.
  { name: "diamonds", metric: "relativeError", direction: -1, least: 0.09, tolerance: 0.003 },
  // Of the 620 mails that are kept for it; one in a hundred is two standard errors.
  { name: "spam", metric: "accuracy", direction: 1, least: 0.98, tolerance: 0.01 },
] as const;

/** Metrics of the test data at the end, by a trainer process of its own. */
async function metricsOf(name: string, precision: Precision) {
  const home = mkdtempSync(join(tmpdir(), "anneal-whole-"));
  const trainer = await spawnTrainer({ runDirectory: join(home, "runs", name) });
  try {
    const recipe = { name, path: builtInRecipes[name]! };
    const run = { runId: name, spec: runSpecSchema.parse({ recipe, policy: { precision } }) };
    const { plan } = await trainer.prepare({ ...run, attempt: 1, resume: null });
    for (let step = 0, attempt = 2; step < plan.totalSteps; attempt += 1) {
      const segment = { ...run, plan, attempt, untilStep: plan.totalSteps, allowInexact: false };
      // As the policy has it: a segment ends after ten minutes at most.
      step = (await trainer.segment(segment)).result.step;
    }
    const { split, metrics } = await trainer.evaluate({ ...run, plan, attempt: 1_000 });
    expect(split).toBe("test");
    return metrics;
  } finally {
    await trainer.close();
    rmSync(home, { recursive: true, force: true });
  }
}

test.each(wholeTrainings)(
  "$name in bfloat16 ends where it does in float32",
  { timeout: 3_600_000 },
  async ({ name, metric, direction, least, tolerance }) => {
    const float32 = (await metricsOf(name, "float32"))[metric]!;
    const bfloat16 = (await metricsOf(name, "bfloat16"))[metric]!;
    console.log(`${name}: ${metric} ${float32} in float32, ${bfloat16} in bfloat16`);
    expect(direction * float32).toBeGreaterThanOrEqual(direction * least);
    expect(direction * bfloat16).toBeGreaterThanOrEqual(direction * float32 - tolerance);
  },
);
