import { randomUUID } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes a file of the cache, with the folders that it lacks: whoever reads it meanwhile sees the old one or the new one, whole. */
export async function writeCached(path: string, contents: string | Uint8Array): Promise<void> {
  const staged = `${path}.${randomUUID()}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(staged, contents);
  await rename(staged, path);
}
