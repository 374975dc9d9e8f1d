import { tempAnnealHome } from "@anneal/testing";
import { afterAll, expect, test } from "vitest";
import { RunDriver } from "../test-support/drive.ts";
import { writeIdxFiles, writeIdxRecipe } from "../test-support/idx-recipe.ts";
import { tempFolder } from "../test-support/temp-folder.ts";

/** Data that is edited under a run. */

const home = tempAnnealHome();
const folder = tempFolder();
const run = new RunDriver(home.path, "changed", { recipe: { name: "on-files", path: writeIdxRecipe(folder) } });

afterAll(async () => {
  await run.close();
  folder[Symbol.dispose]();
  home[Symbol.dispose]();
});

async function killTrainer(): Promise<void> {
  run.trainer!.kill();
  await run.trainer!.exited;
}

test("a run goes on with the data it was prepared with, or says that it does not", async () => {
  const { plan } = await run.prepare();
  await run.segment();
  await killTrainer();

  writeIdxFiles(folder, "train", 24, 1);
  await expect(run.segment()).rejects.toMatchObject({ code: "DATASET_CHANGED", facts: { splits: "train" } });
  writeIdxFiles(folder, "test", 8, 1);
  const strict = { recipeVersion: null, allowInexact: false } as const;
  await expect(run.prepare(strict)).rejects.toMatchObject({
    code: "DATASET_CHANGED",
    facts: { splits: "test, train" },
  });

  // By choice, and from there on it is marked.
  const { start, plan: resumed } = await run.prepare({ recipeVersion: null, allowInexact: true });
  expect(start).toMatchObject({ step: 3, exact: false });
  expect(resumed).toMatchObject({ totalSteps: plan.totalSteps, threads: plan.threads });
  await run.segment({ untilStep: 4, allowInexact: true });
  await killTrainer();

  // Another length is no choice: the position in the data would mean something else.
  writeIdxFiles(folder, "train", 16, 1);
  await expect(run.segment({ allowInexact: true })).rejects.toMatchObject({
    code: "DATASET_CHANGED",
    facts: { splits: "train", details: "train: 24 samples, now 16" },
  });

  // What it was changed to is its data now.
  writeIdxFiles(folder, "train", 24, 1);
  const { result } = await run.segment();
  expect(result).toMatchObject({ step: 6, finished: true, exact: false });
  // Data that it never had.
  await expect(run.trainer!.predict(null, { kind: "split", split: "validation", indices: [0] })).rejects.toMatchObject({
    code: "DATASET_NOT_FOUND",
    remedy: expect.stringContaining("--input"),
  });
});
