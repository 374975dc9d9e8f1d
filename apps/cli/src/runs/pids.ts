import { readlinkSync } from "node:fs";
import { sep } from "node:path";
import { runPaths } from "@anneal/checkpoint";
import { descendants } from "../stack/processes.ts";
import { runningStack } from "../stack/stack.ts";

export interface RunPids {
  readonly worker: number | null;
  readonly trainer: number | null;
}

/**
 * Pids of the local worker and of the run's trainer on this machine; null where there is none.
 *
 * A trainer lives on between two activities, when no heartbeat names it: it is known by its log, which is its output.
 */
export function findPids(home: string, runId: string): RunPids {
  const worker = runningStack(home)?.worker?.pid ?? null;
  if (worker === null) return { worker, trainer: null };
  const logs = `${runPaths(home, runId).logs}${sep}`;
  const trainer = descendants(worker).find(({ pid }) => outputOf(pid)?.startsWith(logs));
  return { worker, trainer: trainer?.pid ?? null };
}

function outputOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/fd/1`);
  } catch {
    return null;
  }
}
