import { existsSync, readFileSync } from "node:fs";
import { mkdir, open, readdir, rename, rm, statfs, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { AnnealError } from "@anneal/contracts";
import { withLock } from "./lock.ts";

/** Writes one progress line. */
export type Log = (line: string) => void;

/** Free bytes of the file system that holds `directory`. A parameter so that tests can fill the disk. */
export type FreeSpaceProbe = (directory: string) => Promise<number>;

export const freeSpace: FreeSpaceProbe = async (directory) => {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
};

export interface Installation {
  /** The directory that appears, whole, when everything in it is done. */
  readonly target: string;
  /** What is installed, as a person calls it: "TensorFlow 2.21.0". */
  readonly title: string;
  readonly requiredBytes: number;
  /** Fills an empty directory, on the same file system as the target. */
  readonly fill: (directory: string) => Promise<void>;
  readonly log: Log;
  readonly probe?: FreeSpaceProbe;
}

/**
 * Makes sure that `target` exists, complete; milliseconds when it does already.
 *
 * The work happens in a directory of this process's own beside the target; then everything is flushed to the disk
 * and one rename makes it visible. So a target that exists is complete, whatever was killed and whenever, and the
 * leftovers of dead processes are removed by the next one.
 *
 * Throws DISK_FULL before it starts when there is not enough room, and whatever `fill` throws.
 */
export async function installOnce(installation: Installation): Promise<void> {
  const { target, title, log } = installation;
  if (existsSync(target)) return;
  const parent = dirname(target);
  await makeParent(parent);
  await withLock(
    target,
    () => log(`${title}: another process is installing it; waiting`),
    async () => {
      if (existsSync(target)) return;
      await removeLeftovers(parent, basename(target));
      await checkSpace(installation, parent);
      const staging = join(parent, stagingName(basename(target), process.pid));
      await mkdir(staging);
      try {
        await installation.fill(staging);
        await flushTree(staging);
        await publish(staging, target);
        await flush(parent);
      } catch (cause) {
        throw isFullDisk(cause) ? diskFull(installation, parent, 0) : cause;
      } finally {
        await rm(staging, { recursive: true, force: true });
      }
    },
  );
}

async function publish(staging: string, target: string): Promise<void> {
  try {
    await rename(staging, target);
  } catch (cause) {
    // A process that does not see our lock was faster. What it put there is complete.
    if ((cause as NodeJS.ErrnoException).code !== "ENOTEMPTY" && (cause as NodeJS.ErrnoException).code !== "EEXIST")
      throw cause;
  }
}

/** Writes a small file so that a reader sees the old one or the new one. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, content);
  await flush(temporary);
  await rename(temporary, path);
}

async function makeParent(parent: string): Promise<void> {
  try {
    await mkdir(parent, { recursive: true });
  } catch (cause) {
    throw isFullDisk(cause) ? cause : unwritable(parent, cause);
  }
}

async function checkSpace(installation: Installation, parent: string): Promise<void> {
  const available = await (installation.probe ?? freeSpace)(parent);
  if (available < installation.requiredBytes) throw diskFull(installation, parent, available);
}

function diskFull({ title, requiredBytes }: Installation, directory: string, available: number): AnnealError {
  return new AnnealError(
    "DISK_FULL",
    `Not enough room for ${title}: ${formatBytes(requiredBytes)} needed in ${directory}, ${formatBytes(available)} free.`,
    "Free some space, or set ANNEAL_CACHE to a directory on another disk.",
    { directory, requiredBytes, availableBytes: available },
  );
}

function unwritable(directory: string, cause: unknown): AnnealError {
  return new AnnealError(
    "DIRECTORY_UNWRITABLE",
    `The cache directory ${directory} cannot be written: ${(cause as Error).message}`,
    "Set ANNEAL_CACHE to a directory that you can write.",
    { directory },
    { cause },
  );
}

function isFullDisk(cause: unknown): boolean {
  const { code } = cause as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT";
}

export function formatBytes(bytes: number): string {
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

// ---- directories of dead processes

const host = hostname().replaceAll(/[^A-Za-z0-9]/g, "_");

/** `.staging-<target>@<host>@<pid>@<start of the process>`: pids come round again, pairs of pid and start do not. */
function stagingName(target: string, pid: number): string {
  return `.staging-${target}@${host}@${pid}@${startOfProcess(pid)}`;
}

/** Start of a process in clock ticks since boot (field 22 of its stat file), or null when there is none. */
function startOfProcess(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command name, in parentheses, may hold spaces.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}

async function removeLeftovers(parent: string, target: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const [prefix, owner, pid, start] = name.split("@");
    // Pids of another host say nothing here: a container that shares the cache cleans up after itself.
    if (prefix !== `.staging-${target}` || owner !== host) continue;
    if (startOfProcess(Number(pid)) !== start) await rm(join(parent, name), { recursive: true, force: true });
  }
}

// ---- flushing

async function flush(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function flushTree(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await flushTree(path);
    else if (entry.isFile()) await flush(path);
  }
  await flush(directory);
}
