import { type LoadedCheckpoint, openCheckpointStore } from "@anneal/checkpoint";
import type { RunSpecInput } from "@anneal/contracts";
import { tempAnnealHome } from "@anneal/testing";
import { afterAll, expect, test } from "vitest";
import { RunDriver } from "../test-support/drive.ts";
import { writeKillRecipe } from "../test-support/kill-recipe.ts";
import { tempFolder } from "../test-support/temp-folder.ts";

/** Checkpoints whose model file has 16 bits a weight, by real trainer processes. */

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

function bitsOf(tensors: LoadedCheckpoint["model"]) {
  return tensors.map(({ name, dtype, data }) => ({
    name,
    dtype,
    bytes: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex"),
  }));
}

test("a run goes on from its float32 master weights, bit for bit, and is evaluated as it is stored", async () => {
  await using run = newRun("bfloat16", { policy: { weightStorage: "bfloat16" } });
  await run.prepare();
  while (!run.last!.finished) {
    await run.segment();
    // Of the weights as stored: must leave no trace in the training.
    await run.evaluate();
    if (run.last!.epoch === 1) await run.close();
  }
  const { metrics } = await run.evaluate();
  expect((await run.trainer!.evaluateCheckpoint(null, null)).metrics).toEqual(metrics);
  const stored = await openCheckpointStore(run.runDirectory).load(run.last!.checkpoint.path);

  await using inFloat32 = newRun("float32", {});
  const { result } = await inFloat32.finish();
  const exact = await openCheckpointStore(inFloat32.runDirectory).load(result.checkpoint.path);
  expect(bitsOf(stored.masterWeights)).toEqual(bitsOf(exact.model));
  expect(bitsOf(stored.optimizer)).toEqual(bitsOf(exact.optimizer));
  expect(bitsOf(stored.model)).not.toEqual(bitsOf(exact.model));
  expect((await inFloat32.evaluate()).metrics).not.toEqual(metrics);

  // A run that starts from it has the stored weights in float32: before its first step it is as good.
  await using next = newRun("next", { parameters: { initialWeights: stored.path } });
  await next.prepare();
  expect((await next.evaluate()).metrics).toEqual(metrics);
});
