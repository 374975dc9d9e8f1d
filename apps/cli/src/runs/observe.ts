import {
  AnnealError,
  type CompareState,
  compareWorkflowType,
  type Progress,
  type RunState,
  statusQueryName,
  trainWorkflowType,
} from "@anneal/contracts";
import type { Client, WorkflowExecutionDescription } from "@temporalio/client";
import { defaultPayloadConverter } from "@temporalio/common";
import { grpcCode, grpcCodes } from "../temporal/endpoint.ts";

/** What the server knows of a run at one moment, without asking a worker. */
export interface Observation {
  readonly execution: WorkflowExecutionDescription;
  /** From the newest heartbeat of the activity that runs; null between activities. */
  readonly progress: Progress | null;
  /** An activity waits for a worker to take it. */
  readonly waitsForWorker: boolean;
}

/** A workflow task that nobody took for this long: there is no worker. */
const patienceMs = 3_000;
const queryLimitMs = 3_000;

/**
 * Looks at a run through Temporal's API: works with any server, wherever its workers are.
 *
 * @throws AnnealError RUN_NOT_FOUND
 */
export async function observe(client: Client, runId: string): Promise<Observation> {
  const execution = await describeExecution(client, runId);
  if (execution.type !== trainWorkflowType) throw runNotFound(runId);
  const { pendingActivities, pendingWorkflowTask } = execution.raw;
  const [activity] = (pendingActivities ?? []).filter(({ heartbeatDetails }) => heartbeatDetails);
  const [payload] = activity?.heartbeatDetails?.payloads ?? [];
  const isStarted = (pendingActivities ?? []).some(({ lastStartedTime }) => lastStartedTime);
  const taskSince = pendingWorkflowTask?.scheduledTime ?? pendingActivities?.[0]?.scheduledTime;
  const waitedMs = taskSince ? Date.now() - Number(taskSince.seconds) * 1000 : 0;
  return {
    execution,
    progress: payload ? defaultPayloadConverter.fromPayload<Progress>(payload) : null,
    waitsForWorker: execution.status.name === "RUNNING" && !isStarted && waitedMs > patienceMs,
  };
}

/**
 * The newest execution of a run or of a comparison, as the server has it.
 *
 * @throws AnnealError RUN_NOT_FOUND
 */
export async function describeExecution(client: Client, id: string): Promise<WorkflowExecutionDescription> {
  const execution = await findExecution(client, id);
  if (execution?.type === trainWorkflowType || execution?.type === compareWorkflowType) return execution;
  throw runNotFound(id);
}

/** Null where the server knows none. */
export async function findExecution(client: Client, id: string): Promise<WorkflowExecutionDescription | null> {
  try {
    return await client.workflow.getHandle(id).describe();
  } catch (cause) {
    if (isNotFound(cause)) return null;
    throw cause;
  }
}

/** Whether an id is that of a comparison: most commands take either. */
export async function isComparison(client: Client, id: string): Promise<boolean> {
  return (await findExecution(client, id))?.type === compareWorkflowType;
}

/** The run's own account of itself; null when no worker answers in time. */
export function queryState(client: Client, runId: string): Promise<RunState | null> {
  return queryStatus<RunState>(client, runId);
}

/** The same of a comparison. */
export function queryComparison(client: Client, compareId: string): Promise<CompareState | null> {
  return queryStatus<CompareState>(client, compareId);
}

async function queryStatus<State>(client: Client, id: string): Promise<State | null> {
  try {
    return await client.withDeadline(Date.now() + queryLimitMs, () =>
      client.workflow.getHandle(id).query<State>(statusQueryName),
    );
  } catch {
    return null; // no worker, or one that is busy starting: what the server knows is enough to go on
  }
}

/** Whether Temporal says that this does not exist. */
export function isNotFound(cause: unknown): boolean {
  return grpcCode(cause) === grpcCodes.notFound || (cause instanceof Error && cause.name === "WorkflowNotFoundError");
}

export function runNotFound(runId: string, cause?: unknown): AnnealError {
  return new AnnealError(
    "RUN_NOT_FOUND",
    `There is no run "${runId}".`,
    "See what there is: anneal list --all",
    { runId },
    {
      cause,
    },
  );
}
