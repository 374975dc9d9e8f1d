import { randomUUID } from "node:crypto";
import type { Dirent } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { isAlive } from "../files/processes.ts";
import { forgetUses, readUses } from "./uses.ts";

/** What the cache keeps of people's data. All of it is made or fetched again by whoever needs it. */
export type CacheKind = "download" | "converted" | "verdicts" | "hashes" | "leftover";

export interface CacheEntry {
  readonly kind: CacheKind;
  /** Of the file or folder, relative to the cache directory. */
  readonly path: string;
  readonly numBytes: number;
  /** Milliseconds since 1970. */
  readonly lastUsedAt: number;
  /** A living process has opened it, or is making it. */
  readonly isInUse: boolean;
}

/** By folder of the cache: what its entries are. */
const kinds: Readonly<Record<string, CacheKind>> = {
  downloads: "download",
  data: "converted",
  "data/scans": "verdicts",
  "data/hashes": "hashes",
};

/** Names that are not final: `<name>.<pid>.partial` goes on later, `<name>.<pid>-<random>.tmp` and `<name>.<uuid>.tmp` do not. */
const unfinished = /\.(?:(\d+)\.partial|(\d+)-[0-9a-f]{8}\.tmp|[0-9a-f-]{36}\.tmp)$/;
/** A file that is written at one go is written by then. */
const writtenMs = 3_600_000;

/** Everything that is kept of people's data: what they come to, when each was last used, and whether that goes on. */
export async function listCache(cacheDirectory: string): Promise<CacheEntry[]> {
  const entries: CacheEntry[] = [];
  for (const [folder, kind] of Object.entries(kinds)) {
    const directory = join(cacheDirectory, folder);
    for (const found of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
      if (`${folder}/${found.name}` in kinds) continue;
      const entry = await describe(cacheDirectory, join(directory, found.name), kind, found);
      if (entry !== null) entries.push(entry);
    }
  }
  return entries;
}

/** Null for what is gone meanwhile. */
async function describe(
  cacheDirectory: string,
  path: string,
  kind: CacheKind,
  found: Dirent,
): Promise<CacheEntry | null> {
  const stats = await stat(path).catch(() => null);
  if (stats === null) return null;
  const known = {
    path: relative(cacheDirectory, path),
    numBytes: found.isDirectory() ? await sizeOf(path) : stats.size,
  };
  const making = unfinished.exec(found.name);
  if (making !== null) {
    const [, partialOf, stagedBy] = making;
    const pid = partialOf ?? stagedBy;
    const isInUse = pid === undefined ? Date.now() - stats.mtimeMs < writtenMs : isAlive(Number(pid));
    return { ...known, kind: partialOf === undefined ? "leftover" : kind, lastUsedAt: stats.mtimeMs, isInUse };
  }
  const { lastUsedAt, isInUse } = await readUses(cacheDirectory, path);
  return { ...known, kind, lastUsedAt: Math.max(lastUsedAt ?? 0, stats.mtimeMs), isInUse };
}

async function sizeOf(directory: string): Promise<number> {
  const files = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = files.map(async (file) =>
    file.isFile() ? ((await stat(join(file.parentPath, file.name)).catch(() => null))?.size ?? 0) : 0,
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/**
 * Removes an entry. False where a process has begun to use it meanwhile: whoever says that it uses an entry, and then finds it, keeps
 * it.
 */
export async function removeCacheEntry(cacheDirectory: string, entry: CacheEntry): Promise<boolean> {
  const path = join(cacheDirectory, entry.path);
  const isUsed = async () => (await readUses(cacheDirectory, path)).isInUse;
  if (await isUsed()) return false;
  const aside = `${path}.${process.pid}-${randomUUID().slice(0, 8)}.tmp`;
  try {
    await rename(path, aside);
  } catch {
    return true; // it is gone
  }
  // Back, unless it was made anew already.
  if ((await isUsed()) && (await moveBack(aside, path))) return false;
  await rm(aside, { recursive: true, force: true });
  await forgetUses(cacheDirectory, path);
  return true;
}

async function moveBack(aside: string, path: string): Promise<boolean> {
  if ((await stat(path).catch(() => null)) !== null) return false;
  return rename(aside, path).then(
    () => true,
    () => false,
  );
}
