import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type CheckpointStore,
  listRunRecords,
  openCheckpointStore,
  type RetentionPolicy,
  type RunRecord,
  runPaths,
  runsDirectory,
  selectKept,
} from "@anneal/checkpoint";
import type { CheckpointReference } from "@anneal/contracts";

export interface CollectOptions {
  /** Replace each run's own policy where given. */
  readonly keepLast: number | undefined;
  readonly keepBest: number | undefined;
  readonly dryRun: boolean;
  /** Runs that a trainer may be working on: left alone. */
  readonly activeRunIds: ReadonlySet<string>;
}

export interface Collected {
  readonly runId: string;
  readonly checkpoints: readonly CheckpointReference[];
  /** What fenced attempts left. */
  readonly leftovers: readonly string[];
  /** Freed; with `dryRun` null. */
  readonly numBytes: number | null;
}

/** Removes old checkpoints of runs that are not active, and what killed processes left in their folders. */
export async function collectGarbage(home: string, options: CollectOptions): Promise<Collected[]> {
  const collected: Collected[] = [];
  for (const record of await listRunRecords(home)) {
    if (options.activeRunIds.has(record.runId)) continue;
    const one = await collectRun(home, record, options);
    if (one.checkpoints.length > 0 || one.leftovers.length > 0) collected.push(one);
  }
  if (!options.dryRun) await removeHalfRemoved(home);
  return collected;
}

async function collectRun(home: string, { runId, spec }: RunRecord, options: CollectOptions): Promise<Collected> {
  const paths = runPaths(home, runId);
  const store = openCheckpointStore(paths.root);
  const policy: RetentionPolicy = {
    keepLast: options.keepLast ?? spec.checkpoint.keepLast,
    keepBest: options.keepBest ?? spec.checkpoint.keepBest,
  };
  const leftovers = await findLeftovers(paths.staging);
  if (options.dryRun) return { runId, checkpoints: await wouldRemove(store, policy), leftovers, numBytes: null };
  const before = await store.usage();
  const { removed } = await store.retain(null, policy);
  for (const path of leftovers) await rm(path, { recursive: true, force: true });
  return { runId, checkpoints: removed.map(reference), leftovers, numBytes: before - (await store.usage()) };
}

/** As `retain` decides, but for the damaged ones that only reading every tensor would find. */
async function wouldRemove(store: CheckpointStore, policy: RetentionPolicy): Promise<CheckpointReference[]> {
  const entries = await store.list();
  const kept = selectKept(entries, policy);
  return entries.filter((entry) => !kept.has(entry)).map(reference);
}

function reference({ step, epoch, path, digest }: CheckpointReference): CheckpointReference {
  return { step, epoch, path, digest };
}

/** Moved out of sight by a newer attempt, but not deleted before its process ended. */
async function findLeftovers(staging: string): Promise<string[]> {
  const names = await readdir(staging).catch(() => []);
  return names.filter((name) => /^(fenced|retired)-/.test(name)).map((name) => join(staging, name));
}

async function removeHalfRemoved(home: string): Promise<void> {
  const directory = runsDirectory(home);
  for (const name of await readdir(directory).catch(() => [])) {
    if (name.startsWith(".removed-")) await rm(join(directory, name), { recursive: true, force: true });
  }
}
