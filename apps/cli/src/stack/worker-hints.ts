import type { Endpoint } from "../temporal/endpoint.ts";
import { isAlive } from "./processes.ts";
import { readStackState } from "./state.ts";

/** Why nothing can move on a local server, or null where a worker lives, or may live on another machine. */
export function missingWorkerNote(home: string, { isLocal }: Pick<Endpoint, "isLocal">): string | null {
  if (!isLocal || hasLivingWorker(home)) return null;
  const state = readStackState(home);
  const isKept = state !== null && state.status !== "stopping" && isAlive(state.supervisor);
  return isKept ? "no worker is running: the supervisor starts it again" : "no worker is running: anneal up";
}

/** What a cancellation that takes long waits for. */
export function cancelHint(home: string, endpoint: Pick<Endpoint, "isLocal">): string {
  if (hasLivingWorker(home)) {
    return "waiting for the trainer to save a checkpoint; one that hangs is ended after a minute";
  }
  return (
    missingWorkerNote(home, endpoint) ?? "waiting for the worker to save a checkpoint: is one running? (anneal up)"
  );
}

function hasLivingWorker(home: string): boolean {
  const worker = readStackState(home)?.worker;
  return worker ? isAlive(worker) : false;
}
