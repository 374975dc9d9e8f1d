import { type CompareMemo, compareWorkflowType, trainWorkflowType } from "@anneal/contracts";
import type { WorkflowExecutionInfo } from "@temporalio/client";
import { connectSession, type Endpoint, findEndpoint } from "../temporal/endpoint.ts";
import { listFromDisk } from "./disk.ts";
import { type RunView, summarize } from "./view.ts";

/** Runs shown without `--all`, beside the active ones. */
const numShown = 20;

/** A run, or a comparison, which is listed before its runs. */
export interface ListedRun extends RunView {
  readonly kind: "run" | "comparison";
  /** The comparison that started it. */
  readonly parent: string | null;
  readonly numStrategies: number | null;
}

export interface RunList {
  readonly runs: readonly ListedRun[];
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
    for (const run of await listFromDisk(home)) {
      if (!byId.has(run.runId)) byId.set(run.runId, { ...run, kind: "run", parent: null, numStrategies: null });
    }
  }
  return { runs: withChildren([...byId.values()]), isComplete: fromServer?.isComplete ?? true };
}

/** Newest first; the runs of a comparison follow it, in the order in which they began. */
function withChildren(listed: readonly ListedRun[]): ListedRun[] {
  const ids = new Set(listed.map(({ runId }) => runId));
  const oldestFirst = listed.toSorted((a, b) => (a.startedAt ?? "").localeCompare(b.startedAt ?? ""));
  const isChild = ({ parent }: ListedRun): boolean => parent !== null && ids.has(parent);
  return oldestFirst
    .filter((run) => !isChild(run))
    .reverse()
    .flatMap((run) => [run, ...oldestFirst.filter(({ parent }) => parent === run.runId)]);
}

async function listFromServer(endpoint: Endpoint, all: boolean): Promise<RunList> {
  await using session = await connectSession(endpoint);
  const byId = new Map<string, ListedRun>();
  const query = `WorkflowType IN ('${trainWorkflowType}', '${compareWorkflowType}')`;
  for await (const execution of session.client.workflow.list({ query })) {
    // The server lists active runs first, then closed ones, the last closed first.
    if (execution.status.name === "CONTINUED_AS_NEW") continue;
    const isRun = execution.type === trainWorkflowType;
    const run: ListedRun = {
      ...summarize(session.runUrl(execution.workflowId), execution),
      kind: isRun ? "run" : "comparison",
      parent: execution.parentExecution?.workflowId ?? null,
      numStrategies: isRun ? null : numStrategiesOf(execution),
    };
    const known = byId.get(run.runId);
    if (!known && !all && byId.size >= numShown && run.endedAt) return { runs: [...byId.values()], isComplete: false };
    if (!known || (known.startedAt ?? "") < (run.startedAt ?? "")) byId.set(run.runId, run);
  }
  return { runs: [...byId.values()], isComplete: true };
}

function numStrategiesOf({ memo }: WorkflowExecutionInfo): number | null {
  return (memo as Partial<CompareMemo> | undefined)?.comparison?.strategies.length ?? null;
}
