import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { runPaths, runsDirectory } from "@anneal/checkpoint";
import { AnnealError, runIdSchema } from "@anneal/contracts";
import { runNotFound } from "./observe.ts";

/**
 * The folder that `<run|checkpoint>` names: a run of this machine by its id, or any checkpoint's or run's folder.
 *
 * @throws AnnealError RUN_NOT_FOUND for what is neither
 */
export function resolveTarget(home: string, target: string): string {
  if (runIdSchema.safeParse(target).success) {
    const { root } = runPaths(home, target);
    if (existsSync(root)) return root;
  }
  const path = resolve(target);
  if (existsSync(join(path, "manifest.json")) || existsSync(join(path, "checkpoints"))) return path;
  throw notHere(home, target);
}

/** Nothing is here by this name; a comparison's runs, which have it as the beginning of theirs, are named. */
export function notHere(home: string, name: string): AnnealError {
  const usual = runNotFound(name);
  const runs = namesLike(home, name);
  if (runs.length === 0) return usual;
  const more = runs.length > numShown ? `, and ${runs.length - numShown} more` : "";
  const remedy = `Its name begins those of ${runs.slice(0, numShown).join(", ")}${more}: name one of them.`;
  return new AnnealError(usual.code, usual.message, remedy, usual.facts);
}

const numShown = 8;

function namesLike(home: string, name: string): readonly string[] {
  const folder = runsDirectory(home);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((run) => run.startsWith(`${name}-`))
    .sort();
}
