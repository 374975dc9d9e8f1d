import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { openCheckpointStore, runPaths } from "@anneal/checkpoint";
import { type compareWorkflowType, trainWorkflowType } from "@anneal/contracts";
import type { Session } from "../temporal/endpoint.ts";
import { findExecution, isNotFound, runNotFound } from "./observe.ts";
import { runActive } from "./start.ts";

const forgetLimitMs = 5_000;

/**
 * Removes a run everywhere: all its executions on the server, its directory on this machine.
 *
 * @throws AnnealError RUN_ACTIVE, RUN_NOT_FOUND
 */
export async function removeRun(home: string, session: Session, runId: string): Promise<{ readonly numBytes: number }> {
  const directory = runPaths(home, runId).root;
  const executions = await findExecutions(session, trainWorkflowType, runId);
  if (executions.some(({ isRunning }) => isRunning)) throw runActive(runId);
  if (executions.length === 0 && !existsSync(directory)) throw runNotFound(runId);
  const store = openCheckpointStore(directory);
  const numBytes = await store.usage();
  await store.removeAll();
  // The history goes last: what is still listed can be removed again.
  await deleteExecutions(session, runId, executions);
  return { numBytes };
}

/** Removes what the server has of a run or a comparison. */
export async function deleteExecutions(session: Session, id: string, executions: readonly Execution[]): Promise<void> {
  for (const { executionId } of executions) await deleteExecution(session, id, executionId);
  await waitUntilForgotten(session, id);
}

/** The server deletes histories in its own time: at once on the local one, after up to half a minute elsewhere. */
async function waitUntilForgotten({ client }: Session, runId: string): Promise<void> {
  const deadline = Date.now() + forgetLimitMs;
  try {
    while (Date.now() < deadline) {
      await client.workflow.getHandle(runId).describe();
      await delay(100);
    }
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

export interface Execution {
  readonly executionId: string;
  readonly isRunning: boolean;
}

/** All executions of one id. */
export async function findExecutions(
  { client }: Session,
  type: typeof trainWorkflowType | typeof compareWorkflowType,
  id: string,
): Promise<Execution[]> {
  const found: Execution[] = [];
  const query = `WorkflowType = '${type}' AND WorkflowId = '${id}'`;
  for await (const execution of client.workflow.list({ query })) {
    found.push({ executionId: execution.runId, isRunning: execution.status.name === "RUNNING" });
  }
  // Listings lag a little behind: one that has just started is asked for by name.
  const newest = await findExecution(client, id);
  if (newest?.type === type && !found.some(({ executionId }) => executionId === newest.runId)) {
    found.push({ executionId: newest.runId, isRunning: newest.status.name === "RUNNING" });
  }
  return found;
}

async function deleteExecution({ client, endpoint }: Session, workflowId: string, runId: string): Promise<void> {
  try {
    await client.workflowService.deleteWorkflowExecution({
      namespace: endpoint.namespace,
      workflowExecution: { workflowId, runId },
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
