import { randomUUID } from "node:crypto";
import { mkdir, rename, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes a file of the cache, with the folders that it lacks: whoever reads it meanwhile sees the old one or the new one, whole. */
export async function writeCached(path: string, contents: string | Uint8Array): Promise<void> {
  const staged = `${path}.${randomUUID()}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(staged, contents);
  await rename(staged, path);
}

/** Says that files of the cache are used again: their time is what tells how long nobody needed them. */
export async function touchCached(...paths: readonly string[]): Promise<void> {
  const now = new Date();
  // A cache that cannot be written is used all the same.
  await Promise.all(paths.map((path) => utimes(path, now, now).catch(() => {})));
}
