import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../../", import.meta.url));

/** A path in the repository: other apps are started from there. */
export function repositoryPath(...parts: readonly string[]): string {
  return resolve(repository, ...parts);
}
