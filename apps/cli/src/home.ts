import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { AnnealError } from "@anneal/contracts";

const repository = fileURLToPath(new URL("../../../", import.meta.url));

/** A path in the repository: other apps are started from there. */
export function repositoryPath(...parts: readonly string[]): string {
  return resolve(repository, ...parts);
}

/**
 * Makes sure that runs and the local stack can be kept in `home`, before a command does anything else.
 *
 * @throws AnnealError DIRECTORY_UNWRITABLE
 */
export function ensureHome(home: string): void {
  try {
    makeDirectory(home);
    accessSync(home, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw homeUnusable(home, cause);
  }
}

/** The same for a command that finds nothing in a home that does not exist. Throws DIRECTORY_UNWRITABLE for a file. */
export function checkHome(home: string): void {
  const found = statSync(home, { throwIfNoEntry: false });
  if (found?.isDirectory() === false) throw homeUnusable(home, new Error("it is a file"));
}

function homeUnusable(home: string, cause: unknown): AnnealError {
  return new AnnealError(
    "DIRECTORY_UNWRITABLE",
    `ANNEAL_HOME (${home}) is no folder that can be written: ${cause instanceof Error ? cause.message : String(cause)}`,
    "Set ANNEAL_HOME to a folder of your own, or correct its permissions.",
    { home },
    { cause },
  );
}

/**
 * Makes a folder and those above it, one by one from the lowest that exists: Node's own `recursive` asks again for ever
 * where a parent exists and still answers ENOENT, as in `/proc`.
 *
 * @throws the system's error, ENOTDIR where a file is in the way
 */
export function makeDirectory(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  if (found) throw new Error(`ENOTDIR: not a directory, '${path}'`);
  makeDirectory(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    const isThere = statSync(path, { throwIfNoEntry: false })?.isDirectory();
    if (!isThere) throw error; // else another command was faster
  }
}
