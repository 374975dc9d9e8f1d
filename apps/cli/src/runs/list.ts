import { trainWorkflowType } from "@anneal/contracts";
import { openSession } from "../temporal/endpoint.ts";
import { type RunView, summarize } from "./view.ts";

/** Runs shown without `--all`, beside the active ones. */
const numShown = 20;

export interface RunList {
  readonly runs: readonly RunView[];
  /** False when older runs were left out. */
  readonly isComplete: boolean;
}

/** Runs of the server's namespace, newest first; of a run with several executions (resumed), the newest. */
export async function listRuns(home: string, all: boolean): Promise<RunList> {
  await using session = await openSession(home);
  const byId = new Map<string, RunView>();
  let isComplete = true;
  for await (const execution of session.client.workflow.list({ query: `WorkflowType = '${trainWorkflowType}'` })) {
    // The server lists active runs first, then closed ones, the last closed first.
    if (execution.status.name === "CONTINUED_AS_NEW") continue;
    const run = summarize(session.runUrl(execution.workflowId), execution);
    const known = byId.get(run.runId);
    if (!known && !all && byId.size >= numShown && run.endedAt) {
      isComplete = false;
      break;
    }
    if (!known || (known.startedAt ?? "") < (run.startedAt ?? "")) byId.set(run.runId, run);
  }
  const runs = [...byId.values()].sort((a, b) => (b.startedAt ?? "").localeCompare(a.startedAt ?? ""));
  return { runs, isComplete };
}
