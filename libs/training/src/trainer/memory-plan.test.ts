import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AnnealError } from "@anneal/contracts";
import { tempAnnealHome } from "@anneal/testing";
import { afterAll, afterEach, expect, test } from "vitest";
import { RunDriver } from "../test-support/drive.ts";
import { writeKillRecipe } from "../test-support/kill-recipe.ts";
import { tempFolder } from "../test-support/temp-folder.ts";

/** What a real trainer plans before step 1. */

const home = tempAnnealHome();
const folder = tempFolder();
const recipePath = writeKillRecipe(folder);
const drivers: RunDriver[] = [];

afterEach(() => Promise.all(drivers.splice(0).map((driver) => driver.close())));
afterAll(() => {
  folder[Symbol.dispose]();
  home[Symbol.dispose]();
});

let numRuns = 0;

function newRun(memory: object): RunDriver {
  const spec = { recipe: { name: "kill", path: recipePath }, policy: { memory } };
  const run = new RunDriver(home.path, `planned-${++numRuns}`, spec);
  drivers.push(run);
  return run;
}

test("a budget that is enough: whole batches, and the peak that is predicted", async () => {
  const { plan } = await newRun({ budget: "100%" }).prepare();
  const { rung, why, budgetBytes, predictedPeakBytes, batchBytes } = plan.memory!;
  expect(rung).toEqual({ prefetchBatches: 8, microBatches: 1, recomputeSegments: 1 });
  expect(why).toMatch(/^a peak of .*iB is predicted, within the budget of /);
  // 16 samples of 12 floats and a label, aligned.
  expect(batchBytes).toBe(16 * 12 * 4 + 64);
  expect(predictedPeakBytes).toBeGreaterThan(2 ** 27);
  expect(predictedPeakBytes).toBeLessThan(budgetBytes!);
});

test("a budget that nothing fits is refused with the one that would do, and nothing is left of the run", async () => {
  const run = newRun({ budget: "1MiB" });
  run.spawnWith({ logFile: join(folder.path, "refused.log") });
  const error = (await run.prepare().catch((cause: unknown) => cause)) as AnnealError;
  expect(error).toMatchObject({ code: "BUDGET_TOO_SMALL", facts: { budgetBytes: 2 ** 20 } });
  expect(error.facts.smallestBytes).toBeLessThan(error.facts.plainBytes as number);
  expect(existsSync(run.runDirectory)).toBe(false);
});

test("micro-batches as asked for, with their caveat; further on after memory ran out in earlier attempts", async () => {
  const asked = await newRun({ microBatches: 2 }).prepare();
  expect(asked.plan.memory).toMatchObject({ rung: { microBatches: 2 }, budgetBytes: null, predictedPeakBytes: null });
  expect(asked.plan.memory!.why).toMatch(/^as asked for; batch normalisation takes its means over a micro-batch/);
  const run = newRun({});
  const { runId, spec } = run;
  const outOfMemory = { numTimes: 1, why: "out of memory: no" };
  const trainer = await run.start();
  const { plan } = await trainer.prepare({ runId, spec, attempt: 1, resume: null, outOfMemory });
  expect(plan.memory).toMatchObject({
    rung: { prefetchBatches: 2, microBatches: 2, recomputeSegments: 1 },
    why: "out of memory: no; before that: no budget was given",
  });
});
