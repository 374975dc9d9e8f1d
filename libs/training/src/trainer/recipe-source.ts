import { readFile, rm, rmdir } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { runPathsAt } from "@anneal/checkpoint";
import { AnnealError, type RunSpec } from "@anneal/contracts";
import { type RecipeSnapshot, recipeDigest, snapshotRecipe } from "../recipe/snapshot.ts";
import { modelRecordPath } from "./model-record.ts";

/** The source that a run's trainers run: always a snapshot in the run's own folder. */
export interface RecipeSource extends RecipeSnapshot {
  /** Folder that the recipe was written in: relative data paths start there. */
  readonly recipeDir: string;
  /** A text with the original's paths in place of the snapshot's: the files that a person can edit. */
  readonly original: (text: string) => string;
  /** What a module is called by the recipe, from whose folder its path begins: the same whichever copy of the recipe is loaded. */
  readonly nameOfModule: (url: string) => string;
  /** The same error with the original's paths. */
  readonly relocate: (error: AnnealError) => AnnealError;
}

/** Takes a snapshot of the recipe as it is now. */
export async function snapshotForRun(runDirectory: string, spec: RunSpec): Promise<RecipeSource> {
  return sourceOf(await snapshotRecipe(spec.recipe.path, runPathsAt(runDirectory).recipe), spec);
}

/**
 * The snapshot that a run has already.
 *
 * @throws AnnealError RECIPE_NOT_FOUND when it is gone
 */
export async function recordedSource(runDirectory: string, digest: string, spec: RunSpec): Promise<RecipeSource> {
  return sourceOf({ digest, entry: await recordedEntry(runDirectory, digest) }, spec);
}

/** Path of the recipe's file in a snapshot that a run has. Throws as `recordedSource`. */
export async function recordedEntry(runDirectory: string, digest: string): Promise<string> {
  const folder = join(runPathsAt(runDirectory).recipe, digest);
  try {
    const { main } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { main: string };
    return join(folder, main);
  } catch (cause) {
    throw sourceGone(folder, cause);
  }
}

/** Whether the recipe's file, as it is now, is another than the one with this digest. */
export async function recipeChanged(digest: string, spec: RunSpec): Promise<boolean> {
  try {
    return (await recipeDigest(spec.recipe.path)) !== digest;
  } catch {
    // Gone, or edited into something that does not parse.
    return true;
  }
}

/** Takes back what a run that could not be prepared has written, and its folders if nothing else is in them. */
export async function discardPrepared(runDirectory: string, digest: string, withRecords: boolean): Promise<void> {
  const { root, recipe, record } = runPathsAt(runDirectory);
  await rm(join(recipe, digest), { recursive: true, force: true });
  if (withRecords) for (const file of [record, modelRecordPath(runDirectory)]) await rm(file, { force: true });
  for (const folder of [recipe, root]) await rmdir(folder).catch(() => {});
}

function sourceGone(folder: string, cause: unknown): AnnealError {
  return new AnnealError(
    "RECIPE_NOT_FOUND",
    `the recipe's source that was kept with the run is gone: ${folder}`,
    "Resume with the recipe as it is now.",
    { path: folder },
    { cause },
  );
}

function sourceOf({ digest, entry }: RecipeSnapshot, spec: RunSpec): RecipeSource {
  const recipeDir = dirname(spec.recipe.path);
  const root = entry.slice(0, entry.lastIndexOf(digest) + digest.length);
  // The recipe may lie below the folder that all its files have in common.
  const originalRoot = join(recipeDir, relative(dirname(entry), root));
  const original = (text: string) =>
    text.replaceAll(pathToFileURL(root).href, originalRoot).replaceAll(root, originalRoot);
  return {
    digest,
    entry,
    recipeDir,
    original,
    nameOfModule: (url) =>
      url.startsWith("file:") ? relative(recipeDir, original(fileURLToPath(url))).replaceAll(sep, "/") : url,
    relocate: ({ code, message, remedy, facts, cause }) => {
      const moved = Object.entries(facts).map(([name, fact]) => [
        name,
        typeof fact === "string" ? original(fact) : fact,
      ]);
      return new AnnealError(code, original(message), original(remedy), Object.fromEntries(moved), { cause });
    },
  };
}
