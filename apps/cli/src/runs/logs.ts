import { existsSync } from "node:fs";
import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { runPaths } from "@anneal/checkpoint";
import { notHere } from "./target.ts";

export interface LogFile {
  readonly path: string;
  readonly text: string;
}

const followIntervalMs = 300;

/** The logs of a run's trainers, oldest first. Throws RUN_NOT_FOUND when the run is not on this machine. */
export async function readLogs(home: string, runId: string): Promise<LogFile[]> {
  const paths = await logPaths(home, runId);
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(path, "utf8") })));
}

/** Writes all logs and what is added to them until Ctrl-C; a new trainer's log is picked up. */
export async function followLogs(home: string, runId: string, write: (text: string) => void): Promise<void> {
  const stopped = new AbortController();
  process.once("SIGINT", () => stopped.abort());
  const offsets = new Map<string, number>();
  while (!stopped.signal.aborted) {
    for (const path of await logPaths(home, runId)) {
      const text = await readFrom(path, offsets.get(path) ?? 0);
      offsets.set(path, (offsets.get(path) ?? 0) + text.length);
      if (text.length > 0) write(text.toString("utf8"));
    }
    await delay(followIntervalMs, undefined, { signal: stopped.signal }).catch(() => {});
  }
}

async function logPaths(home: string, runId: string): Promise<string[]> {
  const { root, logs } = runPaths(home, runId);
  if (!existsSync(root)) throw notHere(home, runId);
  const names = existsSync(logs) ? await readdir(logs) : [];
  const files = await Promise.all(
    names.map(async (name) => ({ path: join(logs, name), changedMs: (await stat(join(logs, name))).mtimeMs })),
  );
  return files.sort((a, b) => a.changedMs - b.changedMs).map(({ path }) => path);
}

async function readFrom(path: string, offset: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size <= offset) return Buffer.alloc(0);
    const buffer = Buffer.alloc(size - offset);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
