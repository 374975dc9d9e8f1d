import { type CacheEntry, listCache, removeCacheEntry } from "./cache-entries.ts";

export interface CollectCacheOptions {
  /** What was not used for so long goes. */
  readonly unusedMs: number;
  /** Of what remains, that which was used longest ago goes until it takes no more; null for no limit. */
  readonly maxBytes: number | null;
  readonly dryRun: boolean;
}

export interface CollectedEntry extends CacheEntry {
  /** With `dryRun`: it would be. */
  readonly isRemoved: boolean;
}

/** Removes from the cache what nobody used for long, and what is too much. Tells of all that there was, the last used first. */
export async function collectCache(cacheDirectory: string, options: CollectCacheOptions): Promise<CollectedEntry[]> {
  const entries = await listCache(cacheDirectory);
  const unneeded = new Set(selectUnneeded(entries, options, Date.now()));
  const collected: CollectedEntry[] = [];
  for (const entry of entries.toSorted((a, b) => b.lastUsedAt - a.lastUsedAt)) {
    const isRemoved = unneeded.has(entry) && (options.dryRun || (await removeCacheEntry(cacheDirectory, entry)));
    collected.push({ ...entry, isRemoved });
  }
  return collected;
}

/** Never what is in use, though that alone may be more than is allowed. */
export function selectUnneeded(
  entries: readonly CacheEntry[],
  { unusedMs, maxBytes }: Pick<CollectCacheOptions, "unusedMs" | "maxBytes">,
  now: number,
): readonly CacheEntry[] {
  const age = ({ kind, lastUsedAt }: CacheEntry) => (kind === "leftover" ? Number.POSITIVE_INFINITY : now - lastUsedAt);
  const idle = entries.filter(({ isInUse }) => !isInUse).toSorted((a, b) => age(b) - age(a) || 0);
  let numBytes = entries.reduce((sum, entry) => sum + entry.numBytes, 0);
  return idle.filter((entry) => {
    const goes = age(entry) > unusedMs || (maxBytes !== null && numBytes > maxBytes);
    if (goes) numBytes -= entry.numBytes;
    return goes;
  });
}
