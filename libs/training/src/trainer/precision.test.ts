import type { RunSpecInput } from "@anneal/contracts";
import { tempAnnealHome } from "@anneal/testing";
import { afterAll, expect, test } from "vitest";
import { RunDriver } from "../test-support/drive.ts";
import { writeKillRecipe } from "../test-support/kill-recipe.ts";
import { tempFolder } from "../test-support/temp-folder.ts";

/** The format of a run, by real trainer processes. */

const home = tempAnnealHome();
const folder = tempFolder();
const recipe = { name: "kill", path: writeKillRecipe(folder) };
afterAll(() => {
  folder[Symbol.dispose]();
  home[Symbol.dispose]();
});

function newRun(runId: string, spec: Partial<RunSpecInput>): RunDriver {
  return new RunDriver(home.path, runId, { recipe, ...spec });
}

test("auto is decided once, on the run's own first batches, and a later trainer takes it as it was", async () => {
  await using run = newRun("auto", { parameters: { epochs: 12 }, policy: { precision: "auto" } });
  const { plan } = await run.prepare();
  const { precision, isAskedFor, candidates } = plan.precision!;
  expect(isAskedFor).toBe(false);
  // Formats that this machine has no instructions for are not tried.
  for (const { milliseconds, lossDifference } of candidates) {
    expect(milliseconds).toBeGreaterThan(0);
    expect(lossDifference).toBeLessThan(0.5);
  }
  expect(plan.fingerprint.precision).toBe(precision);
  // Of steps so small nothing is worth a cast: whatever was chosen computes the same.
  await using float32 = newRun("float32", { parameters: { epochs: 12 } });
  await float32.prepare();
  await float32.segment();
  await run.segment();
  const { metrics } = run.last!;
  expect(metrics).toEqual(float32.last!.metrics);
  await run.close();
  const resumed = await run.prepare({ recipeVersion: null, allowInexact: false });
  expect(resumed.plan.precision).toEqual(plan.precision);
  expect(resumed.start.metrics).toEqual(metrics);
});

test("a training that is too short for a trial is trained in float32, and says so", async () => {
  await using run = newRun("short", { policy: { precision: "auto" }, maxSteps: 20 });
  const { plan } = await run.prepare();
  expect(plan.precision).toMatchObject({ precision: "float32", isAskedFor: false, candidates: [] });
});

test("what is asked for is recorded as asked for", async () => {
  await using run = newRun("asked", { policy: { precision: "bfloat16" }, maxSteps: 5 });
  const { plan } = await run.prepare();
  expect(plan.precision).toMatchObject({ precision: "bfloat16", isAskedFor: true, candidates: [] });
  const { result } = await run.segment();
  expect(result.step).toBe(5);
});

test("float16 on a CPU is for looking at: the plan says what it costs", async () => {
  await using run = newRun("float16", { policy: { precision: "float16" }, maxSteps: 5 });
  const { plan } = await run.prepare();
  expect(plan.precision!.caveat).toBe("a CPU computes it as a GPU would, many times slower than float32");
});

test("the eager engine knows no other format than float32", async () => {
  await using run = newRun("eager", { engine: "eager", policy: { precision: "float16" } });
  await expect(run.prepare()).rejects.toMatchObject({ code: "POLICY_UNSUPPORTED" });
});
