import { lstat, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AnnealError, type SkippedCheckpoint } from "@anneal/contracts";
import { type CheckpointContents, type CommittedCheckpoint, commitCheckpoint } from "./commit.ts";
import { errnoOf, explainDiskError } from "./disk-errors.ts";
import { acquire, isCurrent } from "./fencing.ts";
import { discardName, namesIn, stepOfName, storeLayout } from "./layout.ts";
import { type CheckpointEntry, type LoadedCheckpoint, listCheckpoints, loadCheckpoint, passOver } from "./read.ts";
import { type RetentionPolicy, type RetentionResult, retainCheckpoints, type SoundPaths } from "./retention.ts";

/** The checkpoints of one run. Any number of readers; one attempt at a time may write. */
export interface CheckpointStore {
  /**
   * Takes the run over from every lower attempt; those can neither commit nor remove anything from then on. Taking what
   * this object holds already does nothing. Throws `FENCED` when a higher attempt has come, or the token was used.
   */
  acquire(attempt: number): Promise<void>;
  isCurrent(attempt: number): Promise<boolean>;
  /** See `commitCheckpoint`. One at a time: a second waits for the first. */
  commit(attempt: number, contents: CheckpointContents): Promise<CommittedCheckpoint>;
  /** Those with a sound manifest, newest first. */
  list(): Promise<readonly CheckpointEntry[]>;
  /** See `loadCheckpoint`; verifies unless told not to. */
  load(path: string, options?: { readonly verify: boolean }): Promise<LoadedCheckpoint>;
  /**
   * The newest sound checkpoint, fully verified, and the newer ones that were passed over. Null when the run has none
   * yet; throws `CHECKPOINT_CORRUPT` when it has some and none of them is sound.
   */
  loadLatest(): Promise<{
    readonly checkpoint: LoadedCheckpoint;
    readonly skipped: readonly SkippedCheckpoint[];
  } | null>;
  retain(attempt: number | null, policy: RetentionPolicy): Promise<RetentionResult>;
  /** Bytes in the run's directory: checkpoints, staged files, logs and all. */
  usage(): Promise<number>;
  /** Removes the run's whole directory: first out of sight by a rename, then for good. */
  removeAll(): Promise<void>;
}

/** Opens the store of a run's directory, which need not exist yet. Touches no file. */
export function openCheckpointStore(runDirectory: string): CheckpointStore {
  const layout = storeLayout(runDirectory);
  const sound: SoundPaths = new Set();
  let held: number | null = null;
  let lastCommit: Promise<unknown> = Promise.resolve();

  const explained = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw explainDiskError(error, layout.root);
    }
  };

  const load = async (path: string, options = { verify: true }): Promise<LoadedCheckpoint> => {
    const loaded = await loadCheckpoint(path, options);
    if (options.verify) sound.add(loaded.path);
    return loaded;
  };

  return {
    async acquire(attempt) {
      if (held === attempt && (await isCurrent(layout, attempt))) return;
      await explained(acquire(layout, attempt));
      held = attempt;
    },

    isCurrent: (attempt) => isCurrent(layout, attempt),

    async commit(attempt, contents) {
      const work = lastCommit.then(() => commitCheckpoint(layout, attempt, contents));
      lastCommit = work.catch(() => {});
      const committed = await work;
      sound.add(committed.path);
      return committed;
    },

    list: () => listCheckpoints(layout.checkpoints),
    load,

    async loadLatest() {
      const skipped: SkippedCheckpoint[] = [];
      for (const { path } of await listCheckpoints(layout.checkpoints, skipped)) {
        const checkpoint = await passOver(path, skipped, load);
        if (checkpoint !== null) return { checkpoint, skipped: newerThan(checkpoint, skipped) };
      }
      if (skipped.length === 0) return null;
      throw new AnnealError(
        "CHECKPOINT_CORRUPT",
        `None of the run's ${skipped.length} checkpoints can be used. ${skipped.map(({ reason }) => reason).join(" ")}`,
        "Check the disk; copy a checkpoint back from a backup, or remove the run and train it anew.",
        { checkpoints: layout.checkpoints, numSkipped: skipped.length },
      );
    },

    retain: (attempt, policy) => explained(retainCheckpoints(layout, attempt, policy, sound)),
    usage: () => bytesBelow(layout.root),
    removeAll: () => explained(removeDirectory(layout.root)),
  };
}

/** A damaged checkpoint older than the one in use is no news: it was not passed over. */
function newerThan(checkpoint: CheckpointEntry, skipped: readonly SkippedCheckpoint[]): SkippedCheckpoint[] {
  const newer = skipped.filter(({ path }) => (stepOfName(basename(path)) ?? 0) >= checkpoint.step);
  return newer.sort((a, b) => (a.path > b.path ? -1 : 1));
}

async function bytesBelow(path: string): Promise<number> {
  let numBytes = 0;
  try {
    const found = await lstat(path);
    numBytes = found.size;
    if (!found.isDirectory()) return numBytes;
    numBytes = 0;
    for (const name of await namesIn(path)) numBytes += await bytesBelow(join(path, name));
  } catch (error) {
    // Checkpoints come and go while we count.
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  return numBytes;
}

async function removeDirectory(root: string): Promise<void> {
  const parent = dirname(root);
  try {
    // A leading dot: no run's id has one, so that nothing lists it.
    await rename(root, join(parent, discardName(".removed", basename(root))));
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  // What an earlier removal left when it was killed goes as well.
  for (const name of await namesIn(parent)) {
    if (name.startsWith(".removed-")) await rm(join(parent, name), { recursive: true, force: true });
  }
}
