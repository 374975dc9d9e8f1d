import { tempAnnealHome } from "@anneal/testing";
import { afterAll, expect, test } from "vitest";
import { RunDriver } from "../test-support/drive.ts";
import { writeKillRecipe } from "../test-support/kill-recipe.ts";
import { tempFolder } from "../test-support/temp-folder.ts";

/** float16 steps by micro-batches, in real trainer processes. */

const home = tempAnnealHome();
const folder = tempFolder();
const recipe = { name: "kill", path: writeKillRecipe(folder) };
afterAll(() => {
  folder[Symbol.dispose]();
  home[Symbol.dispose]();
});

test("the loss scale goes on where a trainer has left it, to the same bits, and is reported", async () => {
  const results = [false, true].map(async (isInterrupted) => {
    const run = new RunDriver(home.path, isInterrupted ? "interrupted" : "whole", {
      recipe,
      policy: { precision: "float16", lossScale: { initial: 256, growthInterval: 7 }, memory: { microBatches: 3 } },
    });
    try {
      await run.prepare();
      expect(run.last!.lossScale).toBeUndefined();
      if (isInterrupted) {
        await run.segment({ untilStep: 12 });
        await run.close();
      }
      while (!run.last!.finished) await run.segment();
      return run.last!;
    } finally {
      await run.close();
    }
  });
  const [whole, interrupted] = await Promise.all(results);
  // 30 steps, all of them finite: the scale was doubled four times.
  expect(whole!.lossScale).toEqual({ scale: 4_096, numGoodSteps: 2, numSkippedSteps: 0 });
  expect(interrupted!.lossScale).toEqual(whole!.lossScale);
  expect(interrupted!.checkpoint.digest).toBe(whole!.checkpoint.digest);
});
