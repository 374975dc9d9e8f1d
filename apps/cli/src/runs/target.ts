import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { runPaths } from "@anneal/checkpoint";
import { runIdSchema } from "@anneal/contracts";
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
  throw runNotFound(target);
}
