import { cpSync, existsSync, readFileSync, renameSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { tempFolder } from "../test-support/temp-folder.ts";
import { recipeDigest, snapshotRecipe } from "./snapshot.ts";
import { readSourceGraph, relativeSpecifiers } from "./source-graph.ts";

/** A recipe that reaches files in every way that counts, and names some that do not. */
function writeRecipe(folder: ReturnType<typeof tempFolder>): string {
  folder.write("shared/scale.ts", "export const scale: number = 2;\n");
  folder.write(
    "project/lib/model.ts",
    'import { scale } from "../../shared/scale.ts";\nexport const units = scale * 3;\n',
  );
  folder.write("project/lib/lazy.mjs", "export default 1;\n");
  folder.write("project/transform.ts", 'import "./lib/model.ts";\nexport default () => null;\n');
  folder.write("project/other-transform.ts", "export default () => null;\n");
  folder.write("project/labels.json", '["a", "b"]\n');
  folder.write("project/types.ts", "export interface OnlyAType {}\n");
  folder.write("project/data.csv", "1,2\n");
  return folder.write(
    "project/recipe.ts",
    [
      'import { join } from "node:path";',
      'import type { OnlyAType } from "./types.ts";',
      'import { units } from "./lib/model.ts";',
      'import labels from "./labels.json" with { type: "json" };',
      '// import "./commented-out.ts";',
      "const text = 'import \"./in-a-text.ts\"';",
      'const lazy = () => import("./lib/lazy.mjs");',
      'const mine = import.meta.resolve("./transform.ts");',
      'const other = new URL("./other-transform.ts", import.meta.url).href;',
      'const table = new URL("./data.csv", import.meta.url);',
      "const value: OnlyAType = {};",
      "export default { units, labels, lazy, mine, other, table, text, value, join };",
    ].join("\n"),
  );
}

test("a snapshot holds the recipe and the modules that it reaches, and nothing else", async () => {
  using folder = tempFolder();
  const path = writeRecipe(folder);
  const names = (await readSourceGraph(path)).map((file) => relative(folder.path, file.path)).sort();
  expect(names).toEqual([
    "project/labels.json",
    "project/lib/lazy.mjs",
    "project/lib/model.ts",
    "project/other-transform.ts",
    "project/recipe.ts",
    "project/transform.ts",
    "shared/scale.ts",
  ]);
  const { entry, digest } = await snapshotRecipe(path, join(folder.path, "snapshots"));
  expect(entry).toBe(join(folder.path, "snapshots", digest, "project/recipe.ts"));
  expect(readFileSync(entry, "utf8")).toBe(readFileSync(path, "utf8"));
  expect(existsSync(join(folder.path, "snapshots", digest, "shared/scale.ts"))).toBe(true);
  // It can be loaded from there.
  expect((await import(entry)).default).toMatchObject({ units: 6, labels: ["a", "b"] });
});

test("the digest depends on contents and relative places only", async () => {
  using folder = tempFolder();
  const path = writeRecipe(folder);
  const before = await recipeDigest(path);
  cpSync(join(folder.path, "project"), join(folder.path, "elsewhere/project"), { recursive: true });
  cpSync(join(folder.path, "shared"), join(folder.path, "elsewhere/shared"), { recursive: true });
  expect(await recipeDigest(join(folder.path, "elsewhere/project/recipe.ts"))).toBe(before);
  folder.write("project/data.csv", "3,4\n");
  folder.write("project/types.ts", "export interface OnlyAType { a?: 1 }\n");
  expect(await recipeDigest(path)).toBe(before);
  folder.write("shared/scale.ts", "export const scale: number = 3;\n");
  expect(await recipeDigest(path)).not.toBe(before);
});

test("a snapshot that is there already is used as it is", async () => {
  using folder = tempFolder();
  const path = writeRecipe(folder);
  const target = join(folder.path, "snapshots");
  const first = await snapshotRecipe(path, target);
  renameSync(join(target, first.digest, "package.json"), join(target, first.digest, "marker.json"));
  expect(await snapshotRecipe(path, target)).toEqual(first);
  expect(existsSync(join(target, first.digest, "marker.json"))).toBe(true);
});

test("what does not parse or is missing is named with file and line", async () => {
  using folder = tempFolder();
  const broken = folder.write("broken.ts", "const a: number = 1;\nconst b = = 2;\n");
  await expect(readSourceGraph(broken)).rejects.toMatchObject({
    code: "RECIPE_INVALID",
    message: expect.stringContaining(`${broken}:2: `),
    facts: { path: broken, line: 2 },
  });
  const withEnum = folder.write("enum.ts", "enum Color { Red }\nexport default Color;\n");
  await expect(readSourceGraph(withEnum)).rejects.toMatchObject({
    code: "RECIPE_INVALID",
    message: expect.stringMatching(/enum\.ts:1: .*enum/),
  });
  const importing = folder.write("importing.ts", 'import "./helper";\n');
  await expect(readSourceGraph(importing)).rejects.toMatchObject({
    code: "RECIPE_INVALID",
    message: expect.stringContaining("imports ./helper"),
  });
  await expect(readSourceGraph(join(folder.path, "none.ts"))).rejects.toMatchObject({ code: "RECIPE_NOT_FOUND" });
});

test("templates with holes and other meta properties are no modules", () => {
  const source = [
    "import.meta.dirname",
    "import.meta.resolve(`./$" + "{name}.ts`)",
    "import.meta.resolve('zod')",
    "new URL('./a.png', import.meta.url)",
  ].join(";");
  expect(relativeSpecifiers("/x/recipe.js", source)).toEqual([]);
});
