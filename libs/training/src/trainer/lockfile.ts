import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

let known: Promise<string> | undefined;

/** sha256 (hex) of the repository's lock file: which packages computed a checkpoint. */
export function lockfileDigest(): Promise<string> {
  known ??= readFile(resolve(import.meta.dirname, "../../../../pnpm-lock.yaml")).then(
    (bytes) => createHash("sha256").update(bytes).digest("hex"),
    // An image may come without it.
    () => "unknown",
  );
  return known;
}
