import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  AnnealError,
  type CheckpointReference,
  type Manifest,
  manifestSchema,
  type SkippedCheckpoint,
} from "@anneal/contracts";
import { stateDigest } from "./digest.ts";
import { errnoOf, explainDiskError } from "./disk-errors.ts";
import { readHashedFile } from "./files.ts";
import { manifestChecksumFile, manifestFile, modelFile, namesIn, optimizerFile, stepOfName } from "./layout.ts";
import { decodeSafetensors } from "./safetensors.ts";
import type { NamedTensor } from "./tensors.ts";
import { type RestoredTensors, restoreWeights } from "./weight-storage.ts";

export interface CheckpointEntry extends CheckpointReference {
  readonly manifest: Manifest;
}

export interface LoadedCheckpoint extends CheckpointEntry, RestoredTensors {}

/** Bytes of a checkpoint's weights. */
export function modelBytesOf({ files }: Pick<Manifest, "files">): number {
  return files.find(({ name }) => name === modelFile)?.numBytes ?? 0;
}

/**
 * The checkpoints with a sound manifest, newest first: by step, then by attempt. Reads manifests, not tensors. With
 * `skipped`, those whose manifest is not sound are added to it.
 */
export async function listCheckpoints(
  directory: string,
  skipped: SkippedCheckpoint[] = [],
): Promise<CheckpointEntry[]> {
  const entries: CheckpointEntry[] = [];
  for (const name of await namesIn(directory)) {
    if (stepOfName(name) === null) continue;
    const entry = await passOver(join(directory, name), skipped, readEntry);
    if (entry !== null) entries.push(entry);
  }
  return entries.sort(
    (a, b) =>
      b.step - a.step ||
      b.manifest.attempt - a.manifest.attempt ||
      (b.manifest.createdAt < a.manifest.createdAt ? -1 : 1),
  );
}

/** Reads a checkpoint's manifest and checks it against its checksum, its schema and its digest. */
async function readEntry(path: string): Promise<CheckpointEntry> {
  const text = await readPart(path, manifestFile);
  const checksum = await readPart(path, manifestChecksumFile);
  if (checksum.toString("latin1") !== manifestChecksum(text))
    throw corrupt(path, `${manifestFile} does not match its sha256`);
  const parsed = manifestSchema.safeParse(parseJson(path, text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw corrupt(path, `${manifestFile} is none of this version: ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const manifest = parsed.data;
  const digest = stateDigest({
    modelSha256: fileOf(path, manifest, modelFile).sha256,
    optimizerSha256: fileOf(path, manifest, optimizerFile).sha256,
    state: manifest.state,
  });
  if (digest !== manifest.digest) throw corrupt(path, "its digest is not that of its state");
  return { step: manifest.state.step, epoch: manifest.state.epoch, path, digest, manifest };
}

/**
 * Loads a checkpoint. With `verify`, sizes and sha256 of all files must match the manifest; without, only sizes and
 * the tensor files' structure. Throws `CHECKPOINT_NOT_FOUND`, or `CHECKPOINT_CORRUPT` naming what is wrong.
 */
export async function loadCheckpoint(directory: string, { verify }: { verify: boolean }): Promise<LoadedCheckpoint> {
  const path = resolve(directory);
  const entry = await readEntry(path);
  const model = await readTensors(entry, modelFile, verify);
  const optimizer = await readTensors(entry, optimizerFile, verify);
  return { ...entry, ...(await restoreWeights({ model, optimizer })) };
}

/** Runs `read` on a checkpoint; a corrupt one is added to `skipped`, one that is gone by now is passed over: null. */
export async function passOver<T>(
  path: string,
  skipped: SkippedCheckpoint[],
  read: (path: string) => Promise<T>,
): Promise<T | null> {
  try {
    return await read(path);
  } catch (error) {
    if (!(error instanceof AnnealError)) throw error;
    if (error.code === "CHECKPOINT_NOT_FOUND") return null;
    if (error.code !== "CHECKPOINT_CORRUPT") throw error;
    skipped.push({ path, code: error.code, reason: error.message });
    return null;
  }
}

/** Content of `manifest.sha256`. */
export function manifestChecksum(manifest: Uint8Array): string {
  return `${createHash("sha256").update(manifest).digest("hex")}  ${manifestFile}\n`;
}

async function readTensors(entry: CheckpointEntry, name: string, verify: boolean): Promise<readonly NamedTensor[]> {
  const { path, manifest } = entry;
  const expected = fileOf(path, manifest, name);
  const file = await whileReading(path, name, () => readHashedFile(join(path, name), expected.numBytes));
  if (file === null) throw corrupt(path, `${name} does not have its ${expected.numBytes} bytes`);
  if (verify && file.sha256 !== expected.sha256) throw corrupt(path, `${name} does not match its sha256`);
  try {
    return decodeSafetensors(file.bytes).tensors;
  } catch (error) {
    throw error instanceof AnnealError ? corrupt(path, `${name}: ${error.message}`, error) : error;
  }
}

function readPart(path: string, name: string): Promise<Buffer> {
  return whileReading(path, name, () => readFile(join(path, name)));
}

async function whileReading<T>(path: string, name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") {
      const isThere = await stat(path).then(
        (found) => found.isDirectory(),
        () => false,
      );
      throw isThere ? corrupt(path, `${name} is missing`) : notFound(path);
    }
    // A sector that cannot be read is as lost as a flipped bit.
    if (code === "EIO" || code === "EISDIR") throw corrupt(path, `${name} cannot be read (${code})`);
    throw explainDiskError(error, join(path, name));
  }
}

function parseJson(path: string, text: Buffer): unknown {
  try {
    return JSON.parse(text.toString("utf8"));
  } catch (cause) {
    throw corrupt(path, `${manifestFile} is not JSON`, cause);
  }
}

function fileOf(path: string, manifest: Manifest, name: string): Manifest["files"][number] {
  const file = manifest.files.find((candidate) => candidate.name === name);
  if (file === undefined) throw corrupt(path, `${manifestFile} does not list ${name}`);
  return file;
}

function corrupt(path: string, reason: string, cause?: unknown): AnnealError {
  return new AnnealError(
    "CHECKPOINT_CORRUPT",
    `Checkpoint ${basename(path)} is damaged: ${reason}.`,
    "Use the checkpoint before it; a run that resumes does so by itself. Check the disk.",
    { path, reason },
    { cause },
  );
}

function notFound(path: string): AnnealError {
  return new AnnealError(
    "CHECKPOINT_NOT_FOUND",
    `There is no checkpoint at ${path}.`,
    `Look into ${dirname(path)}, or see \`anneal status\` for the run's checkpoints.`,
    { path },
  );
}
