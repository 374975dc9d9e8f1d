import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { datasetNotFound } from "../errors.ts";
import type { SourceContext } from "../source.ts";
import type { DataFile } from "./find-files.ts";
import { touchCached, writeCached } from "./write-cached.ts";

/** Files up to this size are read whole. */
const wholeBytes = 1 << 22;
const filesAtOnce = 8;
/** A file that was just written may be written again within what its file system takes for the same time. */
const settledMs = 2_000;

/** By path: size, time of the last change, sha256. */
type Memory = Record<string, readonly [number, number, string]>;

/**
 * sha256 (hex) of each file's content. What was computed once is remembered in the cache by path, size and time of the last
 * change. Throws `DATASET_NOT_FOUND` for a file that cannot be read.
 */
export async function digestFiles(files: readonly DataFile[], context: SourceContext): Promise<string[]> {
  const key = createHash("sha256")
    .update(dirname(files[0]?.path ?? ""))
    .digest("hex");
  const memoryPath = join(context.cacheDirectory, "data", "hashes", `${key.slice(0, 32)}.json`);
  const memory = await readMemory(memoryPath);
  const digests: string[] = new Array(files.length);
  let hasNews = false;
  let next = 0;
  const startedAt = Date.now();
  const work = async () => {
    for (let i = next++; i < files.length; i = next++) {
      context.signal?.throwIfAborted();
      const { path, sizeBytes, mtimeMs } = files[i]!;
      const known = memory[path];
      if (known?.[0] === sizeBytes && known[1] === mtimeMs) {
        digests[i] = known[2];
        continue;
      }
      const digest = await sha256Of(files[i]!);
      digests[i] = digest;
      if (mtimeMs > startedAt - settledMs) continue;
      memory[path] = [sizeBytes, mtimeMs, digest];
      hasNews = true;
    }
  };
  await Promise.all(Array.from({ length: filesAtOnce }, work));
  if (hasNews) await writeCached(memoryPath, JSON.stringify(memory));
  else await touchCached(memoryPath);
  return digests;
}

async function sha256Of({ path, sizeBytes }: DataFile): Promise<string> {
  try {
    const hash = createHash("sha256");
    if (sizeBytes <= wholeBytes) return hash.update(await readFile(path)).digest("hex");
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array);
    return hash.digest("hex");
  } catch (cause) {
    throw datasetNotFound(path, cause);
  }
}

async function readMemory(path: string): Promise<Memory> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Memory;
  } catch {
    return {}; // none yet, or one that was cut off: hashes are computed anew
  }
}
