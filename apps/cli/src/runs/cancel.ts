import { setTimeout as delay } from "node:timers/promises";
import { cancelHint } from "../stack/worker-hints.ts";
import type { Session } from "../temporal/endpoint.ts";
import { describeExecution } from "./observe.ts";
import { type Outcome, readOutcome } from "./view.ts";

/** A checkpoint is saved faster than this; what is waited for is said after it. */
const patienceMs = 5_000;

/** Asks a run or a comparison to end and waits until it has, its last checkpoint included. A run that is over is left as it is. */
export async function cancelRun(
  home: string,
  session: Session,
  runId: string,
  log: (line: string) => void,
): Promise<Outcome> {
  const execution = await describeExecution(session.client, runId);
  if (execution.status.name === "RUNNING") await session.client.workflow.getHandle(runId).cancel();
  const waiting = new AbortController();
  void delay(patienceMs, undefined, { signal: waiting.signal }).then(
    () => log(cancelHint(home, session.endpoint)),
    () => {},
  );
  try {
    return await readOutcome(session.client, runId);
  } finally {
    waiting.abort();
  }
}
