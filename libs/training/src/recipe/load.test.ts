import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { recipeResolutionArguments } from "@anneal/runtime";
import { describe, expect, test } from "vitest";
import { tempFolder } from "../test-support/temp-folder.ts";
import { loadRecipe, resolveRecipe } from "./load.ts";

const run = promisify(execFile);

/** Loads a recipe in a process of its own, as the command line and the trainer do: by Node, without Vite. */
async function loadInNode(path: string): Promise<Record<string, unknown>> {
  const script = `
    import { loadRecipe } from ${JSON.stringify(new URL("./load.ts", import.meta.url).href)};
    const print = (value) => process.stdout.write(JSON.stringify(value));
    await loadRecipe(${JSON.stringify(path)}).then(
      ({ name }) => print({ name }),
      (error) => print({ code: error.code, message: error.message, remedy: error.remedy }),
    );`;
  const { stdout } = await run(process.execPath, [...recipeResolutionArguments(), "--input-type=module", "-e", script]);
  return JSON.parse(stdout) as Record<string, unknown>;
}

const valid = `
  import { adam, arrays, defineRecipe } from "anneal";
  import * as tf from "@tensorflow/tfjs";
  import { z } from "zod";
  export default defineRecipe({
    name: "mine",
    parameters: z.object({ epochs: z.int().default(1) }),
    data: () => ({ train: arrays({ inputs: new Float32Array(4), inputShape: [1], labels: new Float32Array(4) }) }),
    model: () => tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] }),
    loss: "meanSquaredError",
    optimizer: () => adam({ learningRate: 0.1 }),
    training: ({ parameters }) => ({ epochs: parameters.epochs, batchSize: 2 }),
  });`;

describe("loadRecipe", () => {
  test("loads a recipe from any folder, with nothing installed there", async () => {
    using folder = tempFolder();
    expect(await loadInNode(folder.write("mine.ts", valid))).toEqual({ name: "mine" });
  });

  test("explains what does not link", async () => {
    using folder = tempFolder();
    const noExport = folder.write("no-export.ts", 'import { nope } from "anneal";\nexport default nope;\n');
    expect(await loadInNode(noExport)).toMatchObject({
      code: "RECIPE_INVALID",
      message: expect.stringMatching(/no-export\.ts:1: .*nope/),
    });
    const noPackage = folder.write("no-package.ts", 'import "not-installed";\nexport default 1;\n');
    expect(await loadInNode(noPackage)).toMatchObject({
      code: "RECIPE_INVALID",
      message: expect.stringContaining("not-installed"),
      remedy: expect.stringContaining("install the package"),
    });
  });

  test("explains what throws, with the line", async () => {
    using folder = tempFolder();
    const path = folder.write("throws.ts", "\nconst config: any = undefined;\nexport default config.nothing;\n");
    expect(await loadInNode(path)).toMatchObject({
      code: "RECIPE_THREW",
      message: expect.stringContaining(`${path}:3: loading threw: Cannot read properties of undefined`),
    });
  });

  test.each([
    ["no default export", "export const a = 1;", "has no default export"],
    ["something else", "export default { name: 'x' };", "is not a recipe"],
    [
      "wrong fields",
      'export default { kind: "anneal-recipe/1", name: "a b", loss: "mse", metrics: { "a/b": {} }, data: 1 };',
      "name must be letters",
    ],
  ])("refuses %s", async (_name, source, message) => {
    using folder = tempFolder();
    await expect(loadRecipe(folder.write("recipe.mjs", source))).rejects.toMatchObject({
      code: "RECIPE_INVALID",
      message: expect.stringContaining(message),
    });
  });

  test("names every field that is wrong", async () => {
    using folder = tempFolder();
    const path = folder.write("recipe.mjs", 'export default { kind: "anneal-recipe/1", name: "a b", loss: "mse" };');
    await expect(loadRecipe(path)).rejects.toThrow(
      /name must.*parameters must.*data must.*model must.*optimizer must.*training must.*loss must/,
    );
  });
});

describe("resolveRecipe", () => {
  const builtIn = { mnist: "/recipes/mnist.ts", smoke: "/recipes/smoke.ts" };

  test("finds names and paths", async () => {
    using folder = tempFolder();
    const path = folder.write("mine.ts", "");
    expect(await resolveRecipe("mnist", { builtIn })).toBe("/recipes/mnist.ts");
    expect(await resolveRecipe("mine.ts", { builtIn, cwd: folder.path })).toBe(path);
    expect(await resolveRecipe("./mine.ts", { builtIn, cwd: folder.path })).toBe(path);
    expect(await resolveRecipe(path, { builtIn })).toBe(path);
  });

  test("suggests the name that was meant", async () => {
    await expect(resolveRecipe("mnits", { builtIn })).rejects.toMatchObject({
      code: "RECIPE_NOT_FOUND",
      message: expect.stringContaining('did you mean "mnist"?'),
      remedy: expect.stringContaining("mnist, smoke"),
    });
    await expect(resolveRecipe("./none.ts", { builtIn, cwd: "/nowhere" })).rejects.toMatchObject({
      code: "RECIPE_NOT_FOUND",
      facts: { path: join("/nowhere", "none.ts") },
    });
  });
});
