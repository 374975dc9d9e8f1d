import { existsSync } from "node:fs";
import { runPaths } from "@anneal/checkpoint";
import { nullOn } from "@anneal/contracts";
import type { Session } from "../temporal/endpoint.ts";
import { isComplete, viewFromDisk } from "./disk.ts";
import { observe } from "./observe.ts";

export interface DemoRun {
  readonly runId: string;
  readonly action: "start" | "resume" | "follow";
}

/** `demo`, `demo-2`, …: the first that is not complete goes on, else the first free one is started. */
export async function chooseDemoRun(home: string, session: Session): Promise<DemoRun> {
  for (let index = 1; ; index += 1) {
    const runId = index === 1 ? "demo" : `demo-${index}`;
    const state = await stateOf(home, session, runId);
    if (state === "free") return { runId, action: "start" };
    if (state === "active") return { runId, action: "follow" };
    if (state === "incomplete") return { runId, action: "resume" };
  }
}

async function stateOf(
  home: string,
  session: Session,
  runId: string,
): Promise<"free" | "active" | "incomplete" | "complete"> {
  const known = await nullOn("RUN_NOT_FOUND", observe(session.client, runId));
  if (known?.execution.status.name === "RUNNING") return "active";
  if (known) return known.execution.status.name === "COMPLETED" ? "complete" : "incomplete";
  // The server may be a new one while the run's folder is still here.
  if (!existsSync(runPaths(home, runId).record)) return "free";
  return isComplete(await viewFromDisk(home, runId)) ? "complete" : "incomplete";
}
