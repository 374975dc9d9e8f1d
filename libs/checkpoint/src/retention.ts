import { rm } from "node:fs/promises";
import { basename } from "node:path";
import type { CheckpointReference } from "@anneal/contracts";
import { moveOut } from "./commit.ts";
import { errnoOf } from "./disk-errors.ts";
import { faultPoint } from "./faults.ts";
import { fenced } from "./fencing.ts";
import { syncDirectory } from "./files.ts";
import type { StoreLayout } from "./layout.ts";
import { type CheckpointEntry, listCheckpoints, loadCheckpoint, passOver } from "./read.ts";

export interface RetentionPolicy {
  /** Newest checkpoints kept. The newest sound one is kept even if this is 0. */
  readonly keepLast: number;
  /** Best checkpoints kept, by the manifest's `monitor`; of equals the earliest, as the loop's `best` is. */
  readonly keepBest: number;
}

export interface RetentionResult {
  readonly kept: readonly CheckpointReference[];
  readonly removed: readonly CheckpointReference[];
}

/** Paths whose tensors this process has written or verified: reading them again would tell nothing new. */
export type SoundPaths = Set<string>;

/**
 * Removes the checkpoints that the policy does not keep. The newest one that is sound stays in any case, so that a
 * damaged newest one never costs the run its last good state. Each is renamed out of the listing before it is deleted.
 * Checkpoints without a sound manifest are left for a person to look at.
 *
 * With an attempt, throws `FENCED` once a newer one owns the run; null is for runs that no trainer works on.
 */
export async function retainCheckpoints(
  layout: StoreLayout,
  attempt: number | null,
  policy: RetentionPolicy,
  sound: SoundPaths,
): Promise<RetentionResult> {
  const entries = await listCheckpoints(layout.checkpoints);
  const kept = selectKept(entries, policy);
  if (kept.size === entries.length) return { kept: entries, removed: [] };
  const newestSound = await findNewestSound(entries, sound);
  if (newestSound !== null) kept.add(newestSound);
  const removed = entries.filter((entry) => !kept.has(entry));
  await faultPoint("retain-started");
  const discarded: string[] = [];
  for (const entry of removed) {
    try {
      discarded.push(await moveOut(layout, attempt, basename(entry.path)));
    } catch (error) {
      if (errnoOf(error) === "ENOENT" && attempt !== null) throw fenced(attempt);
      throw error;
    }
    sound.delete(entry.path);
  }
  // Durable before the files go: no crash may bring back the name of a directory that is half empty.
  await syncDirectory(layout.checkpoints);
  await faultPoint("retain-moved");
  for (const path of discarded) await rm(path, { recursive: true, force: true });
  await faultPoint("retain-deleted");
  return { kept: entries.filter((entry) => kept.has(entry)), removed };
}

/** `entries`, newest first, cut to what the policy keeps. */
export function selectKept<T extends Pick<CheckpointEntry, "step" | "manifest">>(
  entries: readonly T[],
  { keepLast, keepBest }: RetentionPolicy,
): Set<T> {
  const ranked = entries
    .filter((entry) => entry.manifest.monitor.value !== null)
    .sort((a, b) => scoreOf(b) - scoreOf(a) || a.step - b.step);
  return new Set([...entries.slice(0, keepLast), ...ranked.slice(0, keepBest)]);
}

function scoreOf({ manifest }: Pick<CheckpointEntry, "manifest">): number {
  const value = manifest.monitor.value ?? Number.NaN;
  return manifest.monitor.direction === "maximize" ? value : -value;
}

async function findNewestSound(
  entries: readonly CheckpointEntry[],
  sound: SoundPaths,
): Promise<CheckpointEntry | null> {
  for (const entry of entries) {
    if (sound.has(entry.path)) return entry;
    const loaded = await passOver(entry.path, [], (path) => loadCheckpoint(path, { verify: true }));
    if (loaded === null) continue;
    sound.add(entry.path);
    return entry;
  }
  return null;
}
