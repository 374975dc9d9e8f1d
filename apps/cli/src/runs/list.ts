import { trainWorkflowType } from "@anneal/contracts";
import { connectSession, type Endpoint, findEndpoint } from "../temporal/endpoint.ts";
import { listFromDisk } from "./disk.ts";
import { type RunView, summarize } from "./view.ts";

/** Runs shown without `--all`, beside the active ones. */
const numShown = 20;

export interface RunList {
  readonly runs: readonly RunView[];
  /** False when older runs were left out. */
  readonly isComplete: boolean;
}

/**
 * Runs of the server's namespace, newest first; of a run with several executions (resumed), the newest. With `all`,
 * those too that only the disk knows. Without a server, what the disk knows.
 */
export async function listRuns(home: string, all: boolean, log: (line: string) => void): Promise<RunList> {
  const endpoint = findEndpoint(home);
  const fromServer = endpoint ? await listFromServer(endpoint, all) : null;
  if (!fromServer) log("no Temporal server is running (anneal up): this is what the disk knows");
  const byId = new Map(fromServer?.runs.map((run) => [run.runId, run]));
  if (all || !fromServer) {
    for (const run of await listFromDisk(home)) if (!byId.has(run.runId)) byId.set(run.runId, run);
  }
  const runs = [...byId.values()].sort((a, b) => (b.startedAt ?? "").localeCompare(a.startedAt ?? ""));
  return { runs, isComplete: fromServer?.isComplete ?? true };
}

async function listFromServer(endpoint: Endpoint, all: boolean): Promise<RunList> {
  await using session = await connectSession(endpoint);
  const byId = new Map<string, RunView>();
  for await (const execution of session.client.workflow.list({ query: `WorkflowType = '${trainWorkflowType}'` })) {
    // The server lists active runs first, then closed ones, the last closed first.
    if (execution.status.name === "CONTINUED_AS_NEW") continue;
    const run = summarize(session.runUrl(execution.workflowId), execution);
    const known = byId.get(run.runId);
    if (!known && !all && byId.size >= numShown && run.endedAt) return { runs: [...byId.values()], isComplete: false };
    if (!known || (known.startedAt ?? "") < (run.startedAt ?? "")) byId.set(run.runId, run);
  }
  return { runs: [...byId.values()], isComplete: true };
}
