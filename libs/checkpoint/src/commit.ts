import { mkdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { performance } from "node:perf_hooks";
import {
  AnnealError,
  type CheckpointReference,
  type Manifest,
  type ManifestDraft,
  manifestSchema,
} from "@anneal/contracts";
import { encodeStateFile, stateDigest } from "./digest.ts";
import { errnoOf, explainDiskError } from "./disk-errors.ts";
import { faultPoint } from "./faults.ts";
import { fenced, isCurrent } from "./fencing.ts";
import { syncDirectory, writeHashedFile } from "./files.ts";
import {
  checkpointName,
  discardName,
  manifestChecksumFile,
  manifestFile,
  modelFile,
  namesIn,
  optimizerFile,
  type StoreLayout,
  stepName,
  stepOfName,
} from "./layout.ts";
import { loadCheckpoint, manifestChecksum, modelBytesOf, passOver } from "./read.ts";
import { type StateTensors, storeWeights } from "./weight-storage.ts";

/** The tensors are not copied: they must not change until `commit` has returned. */
export interface CheckpointContents extends StateTensors {
  /** Its policy says in which number format the weights are stored. */
  readonly draft: ManifestDraft;
}

export interface CommittedCheckpoint extends CheckpointReference {
  /** Of the weights' file. */
  readonly modelBytes: number;
  readonly stats: {
    readonly numBytes: number;
    readonly durationMs: number;
    /** False when a sound checkpoint of this very state was there already. */
    readonly written: boolean;
  };
}

/**
 * Writes a checkpoint beside the visible ones, then makes it visible by one rename. Before the rename nothing is seen
 * of it, after it everything; files and directories are fsynced in that order, so power loss changes nothing about that.
 * Afterwards it is the only checkpoint of its step.
 *
 * Throws `FENCED` once a newer attempt owns the run, `DISK_FULL` and `DISK_FAILED`; the staged files are removed then.
 */
export async function commitCheckpoint(
  layout: StoreLayout,
  attempt: number,
  contents: CheckpointContents,
): Promise<CommittedCheckpoint> {
  const startedAt = performance.now();
  const { step, epoch } = contents.draft.state;
  const staged = join(layout.attempt(attempt), stepName(step));
  try {
    await faultPoint("commit-started");
    await rm(staged, { recursive: true, force: true });
    await mkdir(staged);
    await faultPoint("commit-staging-created");
    const manifest = await writeStaged(staged, attempt, contents);
    const path = join(layout.checkpoints, checkpointName(step, manifest.digest));
    const written = await publish(layout, attempt, staged, path, manifest.digest);
    await retireSiblings(layout, attempt, path, step);
    const numBytes = manifest.files.reduce((sum, file) => sum + file.numBytes, 0);
    const stats = { numBytes, durationMs: performance.now() - startedAt, written };
    return { step, epoch, path, digest: manifest.digest, modelBytes: modelBytesOf(manifest), stats };
  } catch (error) {
    // Of a fenced attempt nothing is left at this path; the newer one sweeps.
    await rm(staged, { recursive: true, force: true }).catch(() => {});
    if (errnoOf(error) === "ENOENT" && !(await isCurrent(layout, attempt))) throw fenced(attempt);
    throw explainDiskError(error, staged);
  }
}

/** Moves a checkpoint out of the listing into the attempt's own directory: once fenced, an attempt cannot remove either. */
export async function moveOut(layout: StoreLayout, attempt: number | null, name: string): Promise<string> {
  const directory = attempt === null ? layout.staging : layout.attempt(attempt);
  const discarded = join(directory, discardName("retired", name));
  await rename(join(layout.checkpoints, name), discarded);
  return discarded;
}

async function writeStaged(staged: string, attempt: number, contents: CheckpointContents): Promise<Manifest> {
  const { draft } = contents;
  const stored = await storeWeights(contents, draft.policy.weightStorage);
  const encodedModel = encodeStateFile(stored.model);
  const encodedOptimizer = encodeStateFile(stored.optimizer);
  const model = await writeHashedFile(join(staged, modelFile), [encodedModel.header, ...encodedModel.chunks], () =>
    faultPoint("commit-model-half-written"),
  );
  await faultPoint("commit-model-written");
  const optimizer = await writeHashedFile(
    join(staged, optimizerFile),
    [encodedOptimizer.header, ...encodedOptimizer.chunks],
    () => faultPoint("commit-optimizer-half-written"),
  );
  await faultPoint("commit-optimizer-written");
  const manifest = checkManifest({
    format: "anneal-checkpoint",
    version: 1,
    ...draft,
    attempt,
    createdAt: new Date().toISOString(),
    files: [
      { name: modelFile, ...model },
      { name: optimizerFile, ...optimizer },
    ],
    digest: stateDigest({ modelSha256: model.sha256, optimizerSha256: optimizer.sha256, state: draft.state }),
  });
  const encoder = new TextEncoder();
  const text = encoder.encode(`${JSON.stringify(manifest, null, 2)}\n`);
  await writeHashedFile(join(staged, manifestFile), [text], () => faultPoint("commit-manifest-half-written"));
  await writeHashedFile(join(staged, manifestChecksumFile), [encoder.encode(manifestChecksum(text))]);
  await faultPoint("commit-manifest-written");
  await syncDirectory(staged);
  return manifest;
}

/** The commit point. Returns false when a sound checkpoint of this state was there: then that one stays. */
async function publish(
  layout: StoreLayout,
  attempt: number,
  staged: string,
  path: string,
  digest: string,
): Promise<boolean> {
  await faultPoint("commit-before-rename");
  for (;;) {
    try {
      await rename(staged, path);
      break;
    } catch (error) {
      const code = errnoOf(error);
      if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
    }
    // Still ours at that moment, or the rename would have found nothing to rename.
    // The same state was committed before, by an attempt that died or whose successor fell back: sound or damaged?
    const existing = await passOver(path, [], (found) => loadCheckpoint(found, { verify: true }));
    if (existing?.digest === digest) {
      await rm(staged, { recursive: true, force: true });
      // Whoever renamed it may have been killed before this.
      await syncDirectory(layout.checkpoints);
      return false;
    }
    // Lost already, so that nothing is risked by moving it away first.
    const discarded = await moveOut(layout, attempt, basename(path));
    await rm(discarded, { recursive: true, force: true });
  }
  await faultPoint("commit-renamed");
  await syncDirectory(layout.checkpoints);
  await faultPoint("commit-synced");
  return true;
}

/** Another state of the same step belongs to a lineage that this commit has left. */
async function retireSiblings(layout: StoreLayout, attempt: number, path: string, step: number): Promise<void> {
  for (const name of await namesIn(layout.checkpoints)) {
    if (stepOfName(name) !== step || name === basename(path)) continue;
    try {
      const discarded = await moveOut(layout, attempt, name);
      await rm(discarded, { recursive: true, force: true });
    } catch (error) {
      // Fenced since the commit: it stands all the same, and what to remove is the newer attempt's affair.
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }
}

function checkManifest(manifest: Manifest): Manifest {
  const parsed = manifestSchema.safeParse(manifest);
  if (parsed.success) return manifest;
  const issue = parsed.error.issues[0];
  throw new AnnealError(
    "INTERNAL",
    `The state does not fit the manifest: ${issue?.path.join(".")}: ${issue?.message}.`,
    "This is a defect of Anneal: please report it with the log.",
    { field: issue?.path.join(".") ?? "" },
  );
}
