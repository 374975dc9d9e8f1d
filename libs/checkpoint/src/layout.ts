import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "./disk-errors.ts";
import { type RunPaths, runPathsAt } from "./paths.ts";

export const modelFile = "model.safetensors";
export const optimizerFile = "optimizer.safetensors";
export const manifestFile = "manifest.json";
/** sha256 of `manifest.json`, in the format of `sha256sum -c`: the manifest vouches for the rest, this for it. */
export const manifestChecksumFile = "manifest.sha256";

/** `step-000000469`: nine digits, so that names sort as steps do. */
export function stepName(step: number): string {
  return `step-${String(step).padStart(9, "0")}`;
}

/**
 * `step-000000469-1f0c33aa`: the digest's first 8 digits are in the name, so that another lineage's checkpoint of the
 * same step never has to be removed before the new one is in place.
 */
export function checkpointName(step: number, digest: string): string {
  return `${stepName(step)}-${digest.slice(0, 8)}`;
}

/** The step in a checkpoint directory's name, or null for any other name. */
export function stepOfName(name: string): number | null {
  const digits = /^step-([0-9]{9,15})-[0-9a-f]{8}$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

function attemptName(attempt: number): string {
  return `attempt-${attempt}`;
}

export function attemptOfName(name: string): number | null {
  const digits = /^attempt-([0-9]{1,15})$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** Names of what is in a directory; none when there is no such directory. */
export async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** A name that nothing else has, for what is moved out of sight before it is deleted. */
export function discardName(prefix: string, name: string): string {
  return `${prefix}-${name}-${randomBytes(4).toString("hex")}`;
}

export interface StoreLayout extends RunPaths {
  readonly attempt: (attempt: number) => string;
}

export function storeLayout(runDirectory: string): StoreLayout {
  const paths = runPathsAt(runDirectory);
  return { ...paths, attempt: (attempt) => join(paths.staging, attemptName(attempt)) };
}
