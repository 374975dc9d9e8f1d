import { createHash, randomUUID } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { readSourceGraph, type SourceFile } from "./source-graph.ts";

export interface RecipeSnapshot {
  /** sha256 (hex) over the files' contents and their places relative to the recipe's file. */
  readonly digest: string;
  /** Absolute path of the recipe's file within the snapshot. */
  readonly entry: string;
}

/**
 * Digest of the recipe's source: what it depends on beside packages.
 *
 * @throws AnnealError as `readSourceGraph`
 */
export async function recipeDigest(path: string): Promise<string> {
  return digestOf(path, await readSourceGraph(path));
}

/**
 * Copies a recipe's file and its relative imports to `<targetDir>/<digest>`, where it can be loaded whatever happens to
 * the original. Atomic, and nothing is written when that snapshot is there already.
 *
 * @throws AnnealError as `readSourceGraph`
 */
export async function snapshotRecipe(path: string, targetDir: string): Promise<RecipeSnapshot> {
  const files = await readSourceGraph(path);
  const digest = digestOf(path, files);
  const root = commonDirectory(files.map((file) => file.path));
  const target = join(targetDir, digest);
  const entry = join(target, relative(root, path));
  if (await exists(target)) return { digest, entry };
  const staging = join(targetDir, `.${digest}-${randomUUID()}`);
  await mkdir(staging, { recursive: true });
  try {
    // Recipes are ES modules wherever they come from; `main` tells which file is the recipe.
    const description = { type: "module", main: relative(root, path).split(sep).join("/") };
    await writeFile(join(staging, "package.json"), `${JSON.stringify(description)}\n`);
    for (const file of files) {
      const copy = join(staging, relative(root, file.path));
      await mkdir(dirname(copy), { recursive: true });
      await writeFile(copy, file.bytes);
    }
    await rename(staging, target);
  } catch (cause) {
    await rm(staging, { recursive: true, force: true });
    // Another process was first: same digest, same files.
    if (!(await exists(target))) throw cause;
  }
  return { digest, entry };
}

function digestOf(entry: string, files: readonly SourceFile[]): string {
  const hash = createHash("sha256");
  const named = files.map((file) => ({ name: relative(dirname(entry), file.path).split(sep).join("/"), file }));
  for (const { name, file } of named.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.update(`${name}\0${file.bytes.length}\0`).update(file.bytes);
  }
  return hash.digest("hex");
}

function commonDirectory(paths: readonly string[]): string {
  const split = paths.map((path) => dirname(path).split(sep));
  const first = split[0] ?? [];
  const length = first.findIndex((part, index) => split.some((parts) => parts[index] !== part));
  return (length < 0 ? first : first.slice(0, length)).join(sep) || sep;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}
