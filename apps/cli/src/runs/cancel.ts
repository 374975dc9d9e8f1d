import { setTimeout as delay } from "node:timers/promises";
import type { Session } from "../temporal/endpoint.ts";
import { observe } from "./observe.ts";
import { type Outcome, readOutcome } from "./view.ts";

/** Without a worker nobody acts on a cancellation; that is said after this. */
const patienceMs = 5_000;

/** Asks a run to end and waits until it has, its last checkpoint included. A run that is over is left as it is. */
export async function cancelRun(session: Session, runId: string, log: (line: string) => void): Promise<Outcome> {
  const { execution } = await observe(session.client, runId);
  if (execution.status.name === "RUNNING") await session.client.workflow.getHandle(runId).cancel();
  const waiting = new AbortController();
  void delay(patienceMs, undefined, { signal: waiting.signal }).then(
    () => log("waiting for the worker to save a checkpoint: is one running? (anneal up)"),
    () => {},
  );
  try {
    return await readOutcome(session.client, runId);
  } finally {
    waiting.abort();
  }
}
