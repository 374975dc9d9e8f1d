import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { comparePaths } from "@anneal/checkpoint";
import { compareWorkflowType, nullOn } from "@anneal/contracts";
import { deleteExecutions, findExecutions, removeRun } from "../runs/remove.ts";
import { runActive } from "../runs/start.ts";
import type { Session } from "../temporal/endpoint.ts";
import { readComparison } from "./view.ts";

/**
 * Removes a comparison with its runs everywhere.
 *
 * @throws AnnealError RUN_ACTIVE, RUN_NOT_FOUND
 */
export async function removeComparison(
  home: string,
  session: Session,
  compareId: string,
): Promise<{ readonly numBytes: number }> {
  const { execution, outcomes } = await readComparison(session.client, compareId);
  if (execution.status.name === "RUNNING") throw runActive(compareId);
  let numBytes = 0;
  for (const { runId } of outcomes) {
    // One that never began, or was removed before, leaves nothing to do.
    const removed = await nullOn("RUN_NOT_FOUND", removeRun(home, session, runId));
    numBytes += removed?.numBytes ?? 0;
  }
  const { root } = comparePaths(home, compareId);
  if (existsSync(root)) await rm(root, { recursive: true });
  await deleteExecutions(session, compareId, await findExecutions(session, compareWorkflowType, compareId));
  return { numBytes };
}
