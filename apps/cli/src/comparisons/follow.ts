import { setTimeout as delay } from "node:timers/promises";
import { exitCodes } from "@anneal/contracts";
import type { ComparisonReport, ReportedStrategy } from "@anneal/report";
import { type CommandResult, exitCodeOf, log } from "../output.ts";
import { type ComparisonFormat, formatComparison, summarizeStrategy } from "../render/comparison.ts";
import { showRun } from "../runs/attach.ts";
import { describeExecution } from "../runs/observe.ts";
import { patiently } from "../runs/patiently.ts";
import type { Session } from "../temporal/endpoint.ts";
import { type ComparisonView, viewComparison } from "./view.ts";

const pollMs = 200;

/** Shows a comparison's runs until the last one ends, then its report. Ctrl-C leaves it to go on by itself. */
export async function attachComparison(
  home: string,
  session: Session,
  compareId: string,
  format: ComparisonFormat = "table",
): Promise<CommandResult> {
  const leaving = new AbortController();
  const leave = (): void => leaving.abort();
  process.once("SIGINT", leave);
  const hasEnded = await follow(home, session, compareId, leaving.signal).finally(() => process.off("SIGINT", leave));
  const comparison = await viewComparison(home, session, compareId);
  if (hasEnded) return describeComparisonEnd(comparison, format);
  log(`The comparison goes on. Follow it: anneal watch ${compareId}. End it: anneal cancel ${compareId}`);
  return { document: comparison, text: "", exitCode: exitCodes.interrupted };
}

/** The result of a command that waited for a comparison's end, or that found it ended. */
function describeComparisonEnd(comparison: ComparisonView, format: ComparisonFormat): CommandResult {
  return {
    document: comparison,
    text: formatComparison(comparison, format),
    exitCode: exitCodeOfEnd(comparison),
  };
}

/** A comparison that found something is a success, whatever became of some of its strategies. */
function exitCodeOfEnd({ status, strategies }: ComparisonView): number {
  if (status === "cancelled") return exitCodes.cancelled;
  const [first] = strategies.flatMap(({ error }) => error ?? []);
  if (status === "completed" && strategies.some((strategy) => strategy.status === "completed")) return exitCodes.ok;
  return first ? exitCodeOf(first.code) : exitCodes.runFailed;
}

/** False when the signal came first. */
async function follow(home: string, session: Session, compareId: string, signal: AbortSignal): Promise<boolean> {
  let shown: string | null = null;
  for (;;) {
    const execution = await patiently(
      session.endpoint,
      () => describeExecution(session.client, compareId),
      log,
      signal,
    );
    if (execution === null) return false;
    const runId = execution.raw.pendingChildren?.[0]?.workflowId ?? null;
    if (runId !== null && runId !== shown) {
      shown = runId;
      const outcome = await showRun(session, runId, signal);
      if (outcome === null) return false;
      const view = await patiently(session.endpoint, () => viewComparison(home, session, compareId), log, signal);
      if (view) log(summaryOf(view, runId));
      continue;
    }
    if (execution.status.name !== "RUNNING") return true;
    await delay(pollMs, undefined, { signal }).catch(() => {});
  }
}

function summaryOf(report: ComparisonReport, runId: string): string {
  const index = report.strategies.findIndex((strategy) => strategy.runId === runId);
  const place = `${index + 1} of ${report.strategies.length}`;
  return `${place}: ${summarizeStrategy(report, report.strategies[index] as ReportedStrategy)}`;
}
