import type { MemoryRung } from "@anneal/contracts";
import { tempAnnealHome } from "@anneal/testing";
import { afterAll, afterEach, expect, test } from "vitest";
import { RunDriver } from "../test-support/drive.ts";
import { writeKillRecipe } from "../test-support/kill-recipe.ts";
import { tempFolder } from "../test-support/temp-folder.ts";

/** Real trainer processes that go on with less memory. */

const home = tempAnnealHome();
const folder = tempFolder();
const recipePath = writeKillRecipe(folder);
const drivers: RunDriver[] = [];

function newRun(delayMs = 0): RunDriver {
  const spec = { recipe: { name: "kill", path: recipePath }, parameters: { delayMs } };
  const driver = new RunDriver(home.path, `run-${drivers.length}`, spec);
  drivers.push(driver);
  return driver;
}

afterEach(() => Promise.all(drivers.map((driver) => driver.close())));
afterAll(() => {
  folder[Symbol.dispose]();
  home[Symbol.dispose]();
});

const fewer: MemoryRung = { prefetchBatches: 2, microBatches: 2, recomputeSegments: 1 };
const move = { rung: fewer, why: "memory was short" };

test("a move is recorded and exact: the same bits whether the run is interrupted on its new rung or not", async () => {
  const runs = [newRun(), newRun()];
  const digests: string[] = [];
  for (const [index, run] of runs.entries()) {
    await run.prepare();
    await run.segment({ untilStep: 4 });
    expect(run.last).not.toHaveProperty("rungMoves");
    await run.segment({ untilStep: 7, move });
    const rungMoves = [{ step: 4, ...move }];
    expect(run.last).toMatchObject({ step: 7, exact: true, rungMoves });
    // Whoever opens it now finds the rung in its checkpoint.
    if (index === 0) await run.close();
    await run.segment({ untilStep: 12 });
    expect(run.last).toMatchObject({ step: 12, exact: true, rungMoves });
    digests.push(run.last!.checkpoint.digest);
  }
  expect(digests[1]).toBe(digests[0]);
  // A resume as a person asks for it is checked, and finds nothing that differs.
  const [run] = runs;
  const { start, plan } = await run!.prepare({ recipeVersion: null, allowInexact: false });
  expect(start).toMatchObject({ step: 12, exact: true, rungMoves: [{ step: 4, ...move }] });
  expect(plan.memory).toMatchObject({ rung: { prefetchBatches: 8, microBatches: 1, recomputeSegments: 1 } });
});

test("a trainer that takes more than its budget ends its segment with a checkpoint, and says why", async () => {
  const run = newRun(20);
  const { plan } = await run.prepare();
  // No budget so small would have been planned with: it is the record that counts.
  run.prepared = { ...run.prepared!, plan: { ...plan, memory: { ...plan.memory!, budgetBytes: 1024 } } };
  await run.close();
  const { result, stopped } = await run.segment({ untilStep: plan.totalSteps });
  expect(stopped).toBe(false);
  expect(result.step).toBeGreaterThan(0);
  expect(result.step).toBeLessThan(plan.totalSteps);
  expect(result.checkpoint.step).toBe(result.step);
  expect(result.memoryPressure).toMatch(/^the trainer took \d+ MiB of its budget of 1 KiB$/);
});
