import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recipeResolutionArguments } from "./index.ts";

const index = new URL("index.ts", import.meta.url).href;
const directory = mkdtempSync(join(tmpdir(), "anneal-recipe-"));
const recipe = join(directory, "recipe.ts");

beforeAll(() => {
  writeFileSync(
    recipe,
    `import * as tf from "@tensorflow/tfjs";
     import * as core from "@tensorflow/tfjs-core";
     import { sequential } from "@tensorflow/tfjs-layers";
     import * as node from "@tensorflow/tfjs-node";
     import { z } from "zod";
     export const facts: Record<string, unknown> = {
       layers: typeof tf.layers.dense, grads: typeof tf.variableGrads, sequential: tf.sequential === sequential,
       core: core.engine() === tf.engine(), node: (node as any).engine() === tf.engine(),
       nodeHandlers: typeof (node as any).node?.decodeImage, zod: z.int().parse(3), backend: tf.getBackend(),
     };`,
  );
  // A copy of the person's own must not win: it would be a second, empty engine.
  const decoy = join(directory, "node_modules", "@tensorflow", "tfjs");
  mkdirSync(decoy, { recursive: true });
  writeFileSync(join(decoy, "package.json"), JSON.stringify({ name: "@tensorflow/tfjs", main: "index.js" }));
  writeFileSync(join(decoy, "index.js"), "throw new Error('the decoy was loaded')");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs a module's source outside the repository, with the resolution registered, and returns what it prints. */
function run(source: string): string {
  const args = [...recipeResolutionArguments(), "--input-type=module", "-e", source];
  return execFileSync(process.execPath, args, { cwd: directory, stdio: ["ignore", "pipe", "ignore"] }).toString();
}

test("a recipe outside shares the engine that TensorFlow was loaded into", () => {
  const source = `import { loadTensorflow } from ${JSON.stringify(index)};
    const { tf } = loadTensorflow({ numIntraOpThreads: 2, numInterOpThreads: 2 });
    const { facts } = await import(${JSON.stringify(recipe)});
    const recipeTf = await import("@tensorflow/tfjs");
    console.log(JSON.stringify({ ...facts, shared: recipeTf.engine() === tf.engine() }));`;
  expect(JSON.parse(run(source))).toEqual({
    layers: "function",
    grads: "function",
    sequential: true,
    core: true,
    node: true,
    nodeHandlers: "function",
    zod: 3,
    backend: "tensorflow",
    shared: true,
  });
});

test("without TensorFlow loaded, tfjs-node is plain tfjs: describing a recipe needs no native code", () => {
  const source = `const { facts } = await import(${JSON.stringify(recipe)});
    if (facts.backend === "tensorflow") throw new Error("TensorFlow was loaded"); console.log(JSON.stringify(facts));`;
  expect(JSON.parse(run(source))).toMatchObject({ layers: "function", node: true, core: true });
});

test("require and worker threads resolve alike", () => {
  writeFileSync(
    join(directory, "old.cjs"),
    `console.log(typeof require("@tensorflow/tfjs").layers.dense, typeof require("zod").z.int)`,
  );
  expect(run(`import ${JSON.stringify(join(directory, "old.cjs"))};`).trim()).toBe("function function");
  const worker = `import { Worker } from "node:worker_threads";
    new Worker(${JSON.stringify(join(directory, "thread.ts"))}, { execArgv: ${JSON.stringify(recipeResolutionArguments())} });`;
  writeFileSync(
    join(directory, "thread.ts"),
    `import { z } from "zod"; const n: number = z.int().parse(4); console.log(n);`,
  );
  expect(
    execFileSync(process.execPath, ["--input-type=module", "-e", worker], { cwd: directory }).toString().trim(),
  ).toBe("4");
});

test("`anneal` resolves from anywhere; other names are left alone", () => {
  expect(run(`console.log(import.meta.resolve("anneal"));`)).toMatch(/libs\/anneal\/src\/index\.ts\n$/);
  expect(run(`try { await import("left-pad"); } catch (error) { console.log(error.code); }`).trim()).toBe(
    "ERR_MODULE_NOT_FOUND",
  );
});

test("registering loads no package", () => {
  const source = `console.log(process.moduleLoadList.length < 1e6, Object.keys((await import("node:module")).default._cache).length);`;
  expect(run(source).trim()).toBe("true 0");
});
