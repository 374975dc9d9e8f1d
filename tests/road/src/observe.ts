import { type Progress, type RunState, statusQueryName } from "@anneal/contracts";
import { Client, Connection, defaultPayloadConverter } from "@temporalio/client";
import type { Installation } from "./installation.ts";

/** A client of the installation's own server, for what tests read back through Temporal's API. */
export async function connect(installation: Installation): Promise<Client> {
  const connection = await Connection.connect({ address: installation.stack().address });
  return new Client({ connection });
}

/** What the pending activity's last heartbeat said, or null when none is pending. */
export async function liveProgress(client: Client, runId: string): Promise<Progress | null> {
  const { raw } = await client.workflow.getHandle(runId).describe();
  const payload = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0];
  return payload ? defaultPayloadConverter.fromPayload<Progress>(payload) : null;
}

export function runState(client: Client, runId: string): Promise<RunState> {
  return client.workflow.getHandle(runId).query<RunState>(statusQueryName);
}

/** Summaries of the activities of a run, in order, as the UI shows them. */
export async function activitySummaries(client: Client, runId: string): Promise<string[]> {
  const { events } = await client.workflow.getHandle(runId).fetchHistory();
  return (events ?? []).flatMap((event) => {
    const payload = event.activityTaskScheduledEventAttributes && event.userMetadata?.summary;
    return payload ? [defaultPayloadConverter.fromPayload<string>(payload)] : [];
  });
}

/** Codes of the failed and timed-out attempts in a run's history, in order. */
export async function failedAttempts(client: Client, runId: string): Promise<string[]> {
  const { events } = await client.workflow.getHandle(runId).fetchHistory();
  return (events ?? []).flatMap((event) => {
    if (event.activityTaskTimedOutEventAttributes) return ["timeout"];
    const failure = event.activityTaskFailedEventAttributes?.failure;
    return failure ? [failure.applicationFailureInfo?.type ?? "unknown"] : [];
  });
}
