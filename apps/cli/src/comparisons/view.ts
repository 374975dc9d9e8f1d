import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { comparePaths } from "@anneal/checkpoint";
import {
  type CompareMemo,
  type CompareResult,
  type Comparison,
  type ReportFiles,
  type RunMemo,
  type RunStatus,
  type Strategy,
  type StrategyOutcome,
  strategyRunId,
} from "@anneal/contracts";
import { measuresOf } from "@anneal/policy";
import { type ComparisonReport, comparisonReport } from "@anneal/report";
import type { Client, WorkflowExecutionDescription } from "@temporalio/client";
import { describeExecution, findExecution, queryComparison, runNotFound } from "../runs/observe.ts";
import { readOutcome } from "../runs/view.ts";
import { missingWorkerNote } from "../stack/worker-hints.ts";
import type { Session } from "../temporal/endpoint.ts";

/** A comparison as commands show it: the document of `--json`. */
export interface ComparisonView extends ComparisonReport {
  /** `unknown`: no server could be asked, and there is only its last report. */
  readonly status: Extract<RunStatus, "training" | "completed" | "failed" | "cancelled"> | "unknown";
  /** Why it waits, if it does. */
  readonly note: string | null;
  /** Its last report on the worker's machine. */
  readonly files: ReportFiles | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly uiUrl: string | null;
}

/** What the server knows of a comparison and of its strategies. */
export interface KnownComparison {
  readonly execution: WorkflowExecutionDescription;
  readonly comparison: Comparison;
  readonly outcomes: readonly StrategyOutcome[];
  readonly result: CompareResult | null;
}

/**
 * A comparison so far, put together from what the server knows of its runs: works while no worker answers.
 *
 * @throws AnnealError RUN_NOT_FOUND
 */
export async function viewComparison(home: string, session: Session, compareId: string): Promise<ComparisonView> {
  const { execution, comparison, outcomes, result } = await readComparison(session.client, compareId);
  const isRunning = execution.status.name === "RUNNING";
  return {
    ...comparisonReport(comparison, { compareId, outcomes }),
    status: isRunning ? "training" : endOf(execution.status.name),
    note: isRunning ? missingWorkerNote(home, session.endpoint) : null,
    files: result?.files ?? filesOnDisk(home, compareId),
    startedAt: execution.startTime.toISOString(),
    endedAt: execution.closeTime?.toISOString() ?? null,
    uiUrl: session.runUrl(compareId),
  };
}

export async function readComparison(client: Client, compareId: string): Promise<KnownComparison> {
  const execution = await describeExecution(client, compareId);
  const memo = execution.memo as Partial<CompareMemo> | undefined;
  if (!memo?.comparison) throw runNotFound(compareId);
  const { comparison } = memo as CompareMemo;
  const result: CompareResult | null =
    execution.status.name === "COMPLETED" ? await client.workflow.getHandle(compareId).result() : null;
  const told = (result ?? (await queryComparison(client, compareId)))?.outcomes ?? [];
  const outcomes = await Promise.all(
    comparison.strategies.map(async (strategy) => {
      const runId = strategyRunId(compareId, strategy);
      const known = told.find((outcome) => outcome.runId === runId) ?? null;
      return await outcomeOf(client, strategy, runId, known);
    }),
  );
  return { execution, comparison, outcomes, result };
}

/** A comparison that no server can be asked about: its last report. Null where there is none. */
export async function reportOnDisk(home: string, compareId: string): Promise<ComparisonView | null> {
  const files = filesOnDisk(home, compareId);
  if (files === null) return null;
  const report = JSON.parse(await readFile(files.json, "utf8")) as ComparisonReport;
  return { ...report, status: "unknown", note: null, files, startedAt: null, endedAt: null, uiUrl: null };
}

/** A run says best how it ended, also where it was resumed by itself; the comparison knows of those that never began. */
async function outcomeOf(
  client: Client,
  strategy: Strategy,
  runId: string,
  known: StrategyOutcome | null,
): Promise<StrategyOutcome> {
  const execution = await findExecution(client, runId);
  const waiting = { strategy, runId, status: "waiting", budget: null, measured: null, error: null } as const;
  if (!execution) return known ?? waiting;
  const { spec } = execution.memo as unknown as RunMemo;
  const begun = { ...waiting, budget: spec.policy.memory.budget ?? null };
  if (execution.status.name === "RUNNING") return { ...begun, status: "running" };
  const { status, result, error } = await readOutcome(client, runId);
  return { ...begun, status, error, measured: result && measuresOf(result) };
}

function filesOnDisk(home: string, compareId: string): ReportFiles | null {
  const { markdown, json, svg } = comparePaths(home, compareId);
  return existsSync(json) ? { markdown, json, svg } : null;
}

function endOf(status: string): "completed" | "failed" | "cancelled" {
  if (status === "COMPLETED") return "completed";
  return status === "CANCELLED" ? "cancelled" : "failed";
}
