import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openCheckpointStore } from "@anneal/checkpoint";
import type { Progress, RunSpecInput } from "@anneal/contracts";
import { killMoments, tempAnnealHome } from "@anneal/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RunDriver } from "../test-support/drive.ts";
import { writeMixedRecipe } from "../test-support/mixed-recipe.ts";
import { tempFolder } from "../test-support/temp-folder.ts";

/** Data that is filtered, mixed, kept and partly bad, trained on by real trainer processes. */

const home = tempAnnealHome();
const folder = tempFolder();
const recipePath = writeMixedRecipe(folder);
const drivers: RunDriver[] = [];

function newRun(parameters: RunSpecInput["parameters"] = {}, spec: Partial<RunSpecInput> = {}): RunDriver {
  const recipe = { name: "mixed", path: recipePath };
  const driver = new RunDriver(home.path, `mixed-${drivers.length}`, { recipe, parameters, ...spec });
  drivers.push(driver);
  return driver;
}

afterAll(async () => {
  await Promise.all(drivers.map((driver) => driver.close()));
  folder[Symbol.dispose]();
  home[Symbol.dispose]();
});

let reference: RunDriver;
beforeAll(async () => {
  reference = newRun();
  await reference.finish();
  await reference.close();
});

async function stateOf(run: RunDriver) {
  const { manifest } = await openCheckpointStore(run.runDirectory).load(run.last!.checkpoint.path);
  return manifest.state;
}

test("bad samples are counted: replaced in training, left out of validation, named, in the checkpoint and in the log", async () => {
  const { plan } = reference.prepared!;
  expect([plan.numTrainSamples, plan.numValidationSamples]).toEqual([100, 36]);
  const { badRecords } = await stateOf(reference);
  expect(badRecords!.numMet).toBeGreaterThan(9);
  expect(badRecords!.numInEpoch).toBe(0);
  const { data } = reference.last!;
  expect(data).toMatchObject({ numReplaced: badRecords!.numMet, numLeftOut: 4 });
  expect(data!.badPlaces).toHaveLength(5);
  expect(data!.badPlaces[0]).toContain("arrays, sample");
  // By the file that the person wrote, not by the run's copy of it.
  const wanted = `The transform ${join(folder.path, "steps.ts")} (refuse) failed on sample`;
  for (const place of data!.badPlaces) expect(place).toContain(wanted);
  const log = readFileSync(join(reference.runDirectory, "logs", "trainer.log"), "utf8");
  expect(log).toContain(`a sample was skipped: ${wanted}`);
  expect(log).not.toContain(reference.runDirectory);
  expect(data!.feed).toMatchObject({ numThreadDeaths: 0, batchesAhead: expect.any(Number) });
  const lines = readFileSync(join(reference.runDirectory, "metrics.jsonl"), "utf8").trim().split("\n");
  const segments = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === "segment");
  expect(segments.at(-1).data.numReplaced).toBe(badRecords!.numMet);
});

test("progress tells them while the run goes on, and how its batches are prepared", async () => {
  const run = newRun({ epochs: 1, delayMs: 5 });
  const seen: Progress[] = [];
  await run.finish(() => (progress) => seen.push(progress));
  const last = seen.findLast(({ data }) => data !== undefined)!;
  expect(last.data!.numReplaced).toBeGreaterThan(0);
  expect(last.data!.feed).toMatchObject({ partSize: expect.any(Number), busyShare: expect.any(Number) });
});

test("a run that is killed again and again ends with the bits and the counts of one that nobody disturbed", async () => {
  const [bits, counts] = [reference.last!.checkpoint.digest, (await stateOf(reference)).badRecords];
  // Slowed down, and with a checkpoint every other step, so that it is killed in the middle of an epoch.
  const run = newRun({ delayMs: 4 }, { checkpoint: { everySteps: 2, keepLast: 2 } });
  const moments = killMoments(21, 3, 700);
  const { numCrashes } = await run.finish((trainer) => {
    const moment = moments[run.attempt % moments.length]!;
    if (run.prepared === null || run.attempt > 9) return undefined;
    let isArmed = false;
    return ({ phase }) => {
      if (isArmed || phase !== "training") return;
      isArmed = true;
      setTimeout(() => trainer.kill(), moment);
    };
  });
  expect(numCrashes).toBeGreaterThan(0);
  expect((await stateOf(run)).badRecords).toEqual(counts);
  expect(run.last!.exact).toBe(true);
  // The delay is a parameter of a transform: the digest of the data differs, the state does not.
  expect(run.last!.checkpoint.digest).toBe(bits);
});

test("what transforms learned is kept with the run, and never learned anew", async () => {
  const run = newRun();
  await run.prepare();
  await run.segment();
  await run.close();
  const path = join(run.runDirectory, "model.json");
  const record = JSON.parse(readFileSync(path, "utf8"));
  const [[key, learned]] = Object.entries(record.fitted) as [[string, { mean: number[]; std: number[] }]];
  expect([learned.mean.length, learned.std.length]).toEqual([6, 6]);
  expect(key).toBe('["anneal/transforms/standardise.ts","createStandardise",{}] 0');
  await run.prepare({ recipeVersion: null, allowInexact: false });
  await run.finish();
  expect(run.last!.checkpoint.digest).toBe(reference.last!.checkpoint.digest);
  // Whoever learned it anew would not see that the file says something else.
  const other = newRun();
  await other.prepare();
  await other.segment();
  await other.close();
  record.fitted[key] = { ...learned, mean: learned.mean.map((mean) => mean + 1) };
  writeFileSync(join(other.runDirectory, "model.json"), JSON.stringify(record));
  await expect(other.prepare({ recipeVersion: null, allowInexact: false })).rejects.toMatchObject({
    code: "DATASET_CHANGED",
  });
});

test("blended samples train to the same bits when stopped in an epoch, and validation has an accuracy", async () => {
  const whole = newRun({ blend: true, epochs: 2 });
  await whole.finish();
  const pieces = newRun({ blend: true, epochs: 2 });
  await pieces.prepare();
  await pieces.segment({ untilStep: 3 });
  await pieces.close();
  await pieces.finish();
  expect(pieces.last!.checkpoint.digest).toBe(whole.last!.checkpoint.digest);
  const [, second] = (await stateOf(whole)).history;
  expect(second!.validation!.accuracy).toBeGreaterThan(0.2);
  expect(second!.train.loss).toBeGreaterThan(0);
  await Promise.all([whole.close(), pieces.close()]);
});

test("more bad samples than are allowed end the run: BAD_RECORDS, with their places", async () => {
  const run = newRun({ every: 5, allowed: 0.15 });
  await expect(run.finish()).rejects.toMatchObject({ code: "BAD_RECORDS" });
  const lenient = newRun({ every: 4, allowed: 0.26 });
  await expect(lenient.finish()).rejects.toMatchObject({
    code: "BAD_RECORDS",
    facts: { maxShare: 0.26, numSamples: 100, places: expect.stringContaining("arrays, sample") },
  });
});

test("without leave to skip them the first bad sample ends the run", async () => {
  await expect(newRun({ action: "fail" }).finish()).rejects.toMatchObject({
    code: "TRANSFORM_FAILED",
    facts: { cause: "no such sample", place: expect.stringContaining("arrays, sample") },
  });
});
