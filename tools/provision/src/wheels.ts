import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { AnnealError } from "@anneal/contracts";
import { type Wheel, wheelPlatforms, wheelTarget } from "./artefacts.ts";
import { lastLines, runCommand } from "./command.ts";
import { formatBytes, type Log } from "./install.ts";
import type { Architecture } from "./platform.ts";
import { findPython } from "./python.ts";

export interface Unpacking {
  readonly wheel: Wheel;
  readonly arch: Architecture;
  /** An empty directory, or one that other wheels were unpacked into; the wheel itself does not stay there. */
  readonly directory: string;
  /** Which entries to keep: a regular expression over their names, valid in Python. */
  readonly keep: string;
  readonly log: Log;
}

/**
 * Fetches a wheel with pip, checks its hash, unpacks what is kept and deletes the wheel.
 *
 * pip is the downloader because it knows the person's proxies, mirrors and certificates. It checks the hash itself
 * (`--require-hashes`); we check again, because what we load must not depend on the settings of a tool of the host.
 *
 * Throws TOOL_MISSING, DOWNLOAD_FAILED, HASH_MISMATCH.
 */
export async function unpackWheel({ wheel, arch, directory, keep, log }: Unpacking): Promise<void> {
  const python = await findPython();
  const download = join(directory, ".download");
  await mkdir(join(download, "tmp"), { recursive: true });
  const title = `${wheel.project} ${wheel.version}`;
  log(`${title}: downloading`);
  const progress = reportProgress(download, title, log);
  try {
    await pipDownload(python, wheel, arch, download);
  } finally {
    clearInterval(progress);
  }
  const name = (await readdir(download)).find((entry) => entry.endsWith(".whl"));
  if (name === undefined) throw downloadFailed(wheel, "pip ended well but left no wheel.");
  const path = join(download, name);
  await verifyHash(path, wheel);
  log(`${title}: unpacking ${formatBytes((await stat(path)).size)}`);
  const { status, stderr } = await runCommand(python, ["-c", unpackScript, path, directory, keep]);
  if (status !== 0) throw unpackFailed(title, stderr);
  await rm(download, { recursive: true });
}

// Python is a prerequisite anyway, and its standard library reads zip files of any size.
const unpackScript = `
import os, re, sys, zipfile
wheel, directory, keep = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        if not entry.is_dir() and re.search(keep, entry.filename):
            path = archive.extract(entry, directory)
            mode = entry.external_attr >> 16 & 0o777
            if mode: os.chmod(path, mode & 0o755)
`;

async function pipDownload(python: string, wheel: Wheel, arch: Architecture, directory: string): Promise<void> {
  const requirements = join(directory, "requirements.txt");
  const hashes = wheel.sha256.map((digest) => `--hash=sha256:${digest}`).join(" ");
  await writeFile(requirements, `${wheel.project}==${wheel.version} ${hashes}\n`);
  const args = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--no-cache-dir"];
  args.push("--disable-pip-version-check", "--progress-bar", "off", ...wheelTarget);
  for (const platform of wheelPlatforms[arch]) args.push("--platform", platform);
  args.push("--dest", directory, "--requirement", requirements);
  // pip's own temporary files belong on the disk whose space was checked.
  const env = { ...process.env, TMPDIR: join(directory, "tmp") };
  const { status, stderr, stdout } = await runCommand(python, args, env);
  if (status === 0) return;
  const output = `${stdout}\n${stderr}`;
  if (/DO NOT MATCH THE HASHES/.test(output)) throw hashMismatch(wheel, output.match(/Got\s+([0-9a-f]{64})/)?.[1]);
  if (/No space left on device/.test(output)) throw Object.assign(new Error("disk full"), { code: "ENOSPC" });
  throw downloadFailed(wheel, lastLines(output));
}

/** Checks a file against the allowed digests of its wheel. Throws HASH_MISMATCH. */
export async function verifyHash(path: string, wheel: Wheel): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  const found = hash.digest("hex");
  if (!wheel.sha256.includes(found)) throw hashMismatch(wheel, found);
}

/** A line every few seconds with what has arrived: pip writes no progress into a pipe. */
function reportProgress(directory: string, title: string, log: Log): NodeJS.Timeout {
  return setInterval(async () => {
    const numBytes = await largestFile(directory).catch(() => 0);
    if (numBytes > 0) log(`${title}: ${formatBytes(numBytes)} so far`);
  }, 10_000).unref();
}

/** One file arrives, and pip copies it at the end: the largest is what there is of it. */
async function largestFile(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true });
  const sizes = await Promise.all(names.map(async (name) => stat(join(directory, name)).catch(() => null)));
  return Math.max(0, ...sizes.map((file) => (file?.isFile() ? file.size : 0)));
}

function hashMismatch(wheel: Wheel, found = "unknown"): AnnealError {
  return new AnnealError(
    "HASH_MISMATCH",
    `${wheel.project} ${wheel.version} is not the file that was pinned: its sha256 is ${found}. It was not installed.`,
    "Check which package index or proxy pip uses (`python3 -m pip config list`), then try again.",
    { project: wheel.project, version: wheel.version, expected: wheel.sha256.join(" "), found },
  );
}

function downloadFailed(wheel: Wheel, detail: string): AnnealError {
  return new AnnealError(
    "DOWNLOAD_FAILED",
    `${wheel.project} ${wheel.version} could not be downloaded: ${detail}`,
    "Check the network and pip's settings (`python3 -m pip config list`; behind a proxy set HTTPS_PROXY), then run `pnpm provision` again.",
    { project: wheel.project, version: wheel.version },
  );
}

function unpackFailed(title: string, stderr: string): Error {
  if (/No space left|Disk quota/.test(stderr)) return Object.assign(new Error("disk full"), { code: "ENOSPC" });
  return new AnnealError(
    "DOWNLOAD_FAILED",
    `${title} could not be unpacked: ${lastLines(stderr)}`,
    "Run `pnpm provision` again.",
    {
      artefact: title,
    },
  );
}
