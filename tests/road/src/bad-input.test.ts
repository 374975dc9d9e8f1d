import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ErrorCode, exitCodes, failureTable } from "@anneal/contracts";
import { waitFor } from "@anneal/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { idxBytes, writeRecipe } from "./bad-recipes.ts";
import { Installation, type RunDocument } from "./index.ts";

/** Every mistake ends with its code, a sentence that helps, an exit code other than 0, and no half state. */
let installation: Installation;
let folder: string;

beforeAll(async () => {
  installation = new Installation();
  folder = join(installation.home, "recipes of mine");
  await installation.json("up");
}, 120_000);

afterAll(() => installation?.close());

/** Runs a command that must fail with `code`, the code's own exit code, and a remedy. */
async function refused(code: ErrorCode, ...args: readonly string[]) {
  const failure = await installation.failure(...args);
  expect(failure.code).toBe(code);
  expect(failure.exitCode).toBe(failureTable[code].exitCode);
  expect(failure.remedy.length).toBeGreaterThan(10);
  return failure;
}

let numRefused = 0;

/** A `train` that must fail, and leave of its run nothing but the log that says why. */
async function trainRefused(code: ErrorCode, recipe: string, ...args: readonly string[]) {
  numRefused += 1;
  const runId = `refused-${numRefused}`;
  const failure = await refused(code, "train", recipe, "--run-id", runId, ...args);
  const root = join(installation.home, "runs", runId);
  const left = existsSync(root) ? readdirSync(root, { recursive: true, withFileTypes: true }) : [];
  const files = left.filter((entry) => entry.isFile()).map((entry) => entry.name);
  expect(files.filter((name) => !name.endsWith(".log"))).toEqual([]);
  return failure;
}

describe("before anything is started", () => {
  it("an unknown recipe, with what there is", async () => {
    const { message, remedy } = await trainRefused("RECIPE_NOT_FOUND", "mnits");
    expect(`${message} ${remedy}`).toContain("mnist");
  });

  it("a recipe that does not compile, with the place", async () => {
    const path = writeRecipe(folder, "broken", { head: "const = 3;" });
    const { message, facts } = await trainRefused("RECIPE_INVALID", path);
    expect(`${message} ${JSON.stringify(facts)}`).toContain("broken.ts");
  });

  it("a recipe that throws", async () => {
    const path = writeRecipe(folder, "thrower", { head: 'throw new Error("no luck today");' });
    expect((await trainRefused("RECIPE_THREW", path)).message).toContain("no luck today");
  });

  it("parameters of a wrong type, out of range, unknown: all at once", async () => {
    const path = writeRecipe(folder, "parameters");
    expect((await trainRefused("PARAMETER_INVALID", path, "--epochs", "many")).message).toContain("epochs");
    const { message } = await trainRefused("PARAMETER_INVALID", path, "--epochs", "0", "--units", "-3");
    expect(message).toContain("epochs");
    expect(message).toContain("units");
    expect((await refused("USAGE", "train", path, "--epoch", "3")).exitCode).toBe(exitCodes.usage);
  });

  it("a precision that is not supported yet", async () => {
    const { message } = await trainRefused(
      "POLICY_UNSUPPORTED",
      "smoke",
      "--engine",
      "eager",
      "--precision",
      "bfloat16",
    );
    expect(message).toContain("bfloat16");
  });

  it("a server that is not reachable", async () => {
    const elsewhere = new Installation({ TEMPORAL_ADDRESS: "127.0.0.1:9" });
    try {
      const failure = await elsewhere.failure("train", "smoke", "--run-id", "nowhere");
      expect(failure).toMatchObject({ code: "SERVER_UNREACHABLE", exitCode: exitCodes.unavailable });
    } finally {
      await elsewhere.close();
    }
  });
});

describe("found by the trainer before step 1", () => {
  it("a data set that is missing", async () => {
    const path = writeRecipe(folder, "missing", {
      data: "return { train: idx({ images: recipeDir + '/no-images', labels: recipeDir + '/no-labels', numClasses: 2 }) };",
    });
    expect((await trainRefused("DATASET_NOT_FOUND", path)).message).toContain("no-images");
  });

  it.each([
    ["truncated", idxBytes([10, 2, 2], new Uint8Array(39))],
    ["with a wrong magic number", idxBytes([10, 2, 2], new Uint8Array(40), 0x1234)],
  ])("a data set that is %s", async (_what, images) => {
    writeIdx(images, idxBytes([10], new Uint8Array(10)));
    await trainRefused("DATASET_CORRUPT", idxRecipe("corrupt"));
  });

  it("labels out of range", async () => {
    writeIdx(idxBytes([10, 2, 2], new Uint8Array(40)), idxBytes([10], new Uint8Array(10).fill(7, 4, 5)));
    const { facts } = await trainRefused("LABEL_OUT_OF_RANGE", idxRecipe("labels"));
    expect(Object.values(facts)).toContain(7);
  });

  it("a model whose outputs do not match the labels", async () => {
    const path = writeRecipe(folder, "shapes", {
      model: "return tf.sequential({ layers: [tf.layers.dense({ inputShape, units: 1 })] });",
    });
    await trainRefused("SHAPE_MISMATCH", path);
  });
});

describe("runs", () => {
  it("two with one id, one that never was, one that is complete, one whose recipe was edited", async () => {
    const path = writeRecipe(folder, "mine");
    const run = await installation.train(path, "mine");
    expect(run).toMatchObject({ status: "completed" });
    await refused("RUN_EXISTS", "train", path, "--run-id", "mine");
    await refused("RUN_COMPLETE", "resume", "mine");
    await refused("RUN_NOT_FOUND", "resume", "never-was");
    await refused("RUN_NOT_FOUND", "status", "never-was");

    await installation.detach(path, "edited", "--epochs", "1000");
    await waitFor(async () => (await installation.status("edited")).step > 0, { timeoutMs: 30_000 });
    await installation.json("cancel", "edited");
    writeRecipe(folder, "mine", { head: "const edited = true; void edited;" });
    await refused("RECIPE_CHANGED", "resume", "edited");
    const again = await installation.json<RunDocument>("resume", "edited", "--recipe-version", "recorded", "--detach");
    expect(again.runId).toBe("edited");
    await installation.json("cancel", "edited");
  });
});

function writeIdx(images: Uint8Array, labels: Uint8Array): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "images"), images);
  writeFileSync(join(folder, "labels"), labels);
}

function idxRecipe(name: string): string {
  return writeRecipe(folder, name, {
    data: "return { train: idx({ images: recipeDir + '/images', labels: recipeDir + '/labels', numClasses: 2 }).map(normalise()) };",
    model:
      "return tf.sequential({ layers: [tf.layers.flatten({ inputShape }), tf.layers.dense({ units: numClasses })] });",
  });
}
