import type { Client } from "@temporalio/client";
import { runningStack } from "../stack/stack.ts";
import { observe } from "./observe.ts";

export interface RunPids {
  readonly worker: number | null;
  readonly trainer: number | null;
}

/** Pids of the local worker and of the run's trainer on this machine; null where there is none. */
export async function findPids(home: string, client: Client, runId: string): Promise<RunPids> {
  const worker = runningStack(home)?.worker?.pid ?? null;
  const { progress } = await observe(client, runId);
  // A heartbeat may come from a worker on another machine, whose pids mean nothing here.
  const isLocal = worker !== null && progress?.workerPid === worker;
  return { worker, trainer: isLocal ? (progress?.trainerPid ?? null) : null };
}
