import {
  type CheckpointReference,
  type DataFacts,
  type ErrorRecord,
  type EvaluationResult,
  type ExportOutcome,
  type FailedAttempt,
  isErrorCode,
  type Ledger,
  type Metrics,
  nullOn,
  type PrecisionDecision,
  type Progress,
  type RunMemo,
  type RunState,
  type RunStatus,
  runStatuses,
  type SegmentResult,
  type SkippedCheckpoint,
  type TrainingPlan,
  type TrainResult,
} from "@anneal/contracts";
import { type Client, type WorkflowExecutionInfo, WorkflowFailedError } from "@temporalio/client";
import { ApplicationFailure, CancelledFailure } from "@temporalio/common";
import type { RunMemory } from "../render/memory.ts";
import { missingWorkerNote } from "../stack/worker-hints.ts";
import type { Session } from "../temporal/endpoint.ts";
import { searchAttributeKeys } from "../temporal/search-attributes.ts";
import { viewFromDisk } from "./disk.ts";
import { type Observation, observe, queryState } from "./observe.ts";

/** A run as commands show it: the document of `--json`. */
export interface RunView {
  readonly runId: string;
  readonly recipe: string | null;
  /** `unknown`: no server could be asked, and the last checkpoint is not the run's end. */
  readonly status: RunStatus | "unknown";
  /** Steps completed, of how many. */
  readonly step: number;
  readonly totalSteps: number | null;
  readonly epoch: number;
  readonly epochs: number | null;
  readonly metrics: Metrics;
  readonly best: Progress["best"];
  readonly checkpoint: CheckpointReference | null;
  readonly evaluation: EvaluationResult | null;
  /** Files that the recipe asks for; null while the run goes on, and where it is not known. */
  readonly exports: readonly ExportOutcome[] | null;
  /** What its steps really did; null until one was recorded. */
  readonly ledger: Ledger | null;
  /** How it uses memory; null where it is not known. */
  readonly memory: RunMemory | null;
  /** How its batches were prepared, and samples that could not be; null where it is not known. */
  readonly data: DataFacts | null;
  /** The format that was decided for its steps; null where it is not known. */
  readonly precision: PrecisionDecision | null;
  readonly samplesPerSecond: number | null;
  readonly secondsLeft: number | null;
  /** It ended before its last step, since its metric no longer improved. */
  readonly stoppedEarly: boolean;
  /** False once the run went on under another fingerprint. */
  readonly exact: boolean;
  readonly numFailedAttempts: number;
  readonly recentFailures: readonly FailedAttempt[];
  /** Damaged checkpoints that were passed over for an older one when the newest state was loaded. */
  readonly skipped: readonly SkippedCheckpoint[];
  /** Why the run waits, if it does. */
  readonly note: string | null;
  /** Why it failed, if it did. */
  readonly error: ErrorRecord | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly uiUrl: string | null;
}

/** How a run ended. */
export interface Outcome {
  readonly status: "completed" | "failed" | "cancelled";
  readonly result: TrainResult | null;
  readonly error: ErrorRecord | null;
}

/**
 * Everything that is known of a run: the server's view, the workflow's own account, and its end. A run that goes on says
 * nothing of its past before its trainer has loaded a checkpoint: until then, what this machine's disk has is shown.
 */
export async function viewRun(home: string, session: Session, runId: string): Promise<RunView> {
  const observation = await observe(session.client, runId);
  const isRunning = observation.execution.status.name === "RUNNING";
  const [state, outcome] = await Promise.all([
    queryState(session.client, runId),
    isRunning ? null : readOutcome(session.client, runId),
  ]);
  const last = outcome?.result ?? state?.last ?? (await newestOnDisk(home, runId));
  const run = combine(session.runUrl(runId), observation, state, outcome, last);
  return outcome ? run : { ...run, note: missingWorkerNote(home, session.endpoint) ?? run.note };
}

/** Null where this machine has no checkpoint of the run. */
async function newestOnDisk(home: string, runId: string): Promise<RunView | null> {
  const view = await nullOn("RUN_NOT_FOUND", viewFromDisk(home, runId));
  return view?.checkpoint ? view : null;
}

/** How a closed run ended, from its history: no worker is asked. */
export async function readOutcome(client: Client, runId: string): Promise<Outcome> {
  try {
    const result: TrainResult = await client.workflow.getHandle(runId).result();
    return { status: "completed", result, error: null };
  } catch (failure) {
    if (!(failure instanceof WorkflowFailedError)) throw failure;
    if (failure.cause instanceof CancelledFailure) return { status: "cancelled", result: null, error: null };
    return { status: "failed", result: null, error: errorOf(failure) };
  }
}

function errorOf(failure: WorkflowFailedError): ErrorRecord {
  const { cause } = failure;
  if (cause instanceof ApplicationFailure && isErrorCode(cause.type)) {
    const [record] = (cause.details ?? []) as [ErrorRecord?];
    if (record) return record;
  }
  return {
    code: "RUN_FAILED",
    message: cause?.message ?? failure.message,
    remedy: "The run's history in the Temporal UI says more; anneal resume goes on from its last checkpoint.",
    facts: {},
  };
}

function combine(
  uiUrl: string | null,
  { execution, progress, waitsForWorker }: Observation,
  state: RunState | null,
  outcome: Outcome | null,
  last: TrainResult | SegmentResult | RunView | null,
): RunView {
  const result = outcome?.result ?? null;
  const plan = state?.plan ?? (last && "totalSteps" in last ? last : null);
  const live = outcome ? null : (progress ?? state?.progress ?? null);
  const summary = summarize(uiUrl, execution);
  const status = outcome?.status ?? liveStatus(progress, state, summary.status);
  return {
    ...summary,
    status,
    step: Math.max(live?.step ?? 0, last?.step ?? 0) || summary.step,
    totalSteps: live?.totalSteps || (plan?.totalSteps ?? null),
    epoch: live?.epoch || (last?.epoch ?? 0),
    epochs: live?.epochs || (plan?.epochs ?? null),
    metrics: isFilled(live?.metrics) ? live.metrics : (last?.metrics ?? {}),
    best: live?.best ?? last?.best ?? null,
    checkpoint: newest(live?.checkpoint ?? null, last?.checkpoint ?? null),
    evaluation: result?.evaluation ?? state?.evaluation ?? null,
    exports: result?.exports ?? null,
    ledger: last?.ledger ?? null,
    data: live?.data ?? last?.data ?? null,
    memory: memoryOf(result?.plan ?? state?.plan ?? null, last),
    precision: (result?.plan ?? state?.plan)?.precision ?? (last && "precision" in last ? last.precision : null),
    samplesPerSecond: live?.samplesPerSecond ?? null,
    secondsLeft: live?.secondsLeft ?? null,
    stoppedEarly: last?.stoppedEarly ?? false,
    exact: last?.exact ?? true,
    numFailedAttempts: result?.numFailedAttempts ?? state?.numFailedAttempts ?? 0,
    recentFailures: state?.recentFailures ?? [],
    skipped: state?.last?.skipped ?? [],
    note: live?.note ?? (waitsForWorker ? "waits for a worker: is one running? (anneal up)" : null),
    error: outcome?.error ?? null,
  };
}

/** Null where neither the workflow nor the disk tells of a plan, and in runs that older versions prepared. */
function memoryOf(plan: TrainingPlan | null, last: TrainResult | SegmentResult | RunView | null): RunMemory | null {
  if (plan?.memory)
    return { decision: plan.memory, moves: (last && "rungMoves" in last ? last.rungMoves : null) ?? [] };
  return last && "memory" in last ? last.memory : null;
}

/** What a listing shows of a run: only what visibility holds, no question to any worker. */
export function summarize(uiUrl: string | null, execution: WorkflowExecutionInfo | Observation["execution"]): RunView {
  const attributes = execution.typedSearchAttributes;
  const memo = execution.memo as Partial<RunMemo> | undefined;
  return {
    runId: execution.workflowId,
    recipe: attributes.get(searchAttributeKeys.AnnealRecipe) ?? memo?.recipe ?? null,
    status: statusOf(execution.status.name, attributes.get(searchAttributeKeys.AnnealStatus)),
    step: attributes.get(searchAttributeKeys.AnnealStep) ?? 0,
    totalSteps: null,
    epoch: 0,
    epochs: null,
    metrics: {},
    best: null,
    checkpoint: null,
    evaluation: null,
    exports: null,
    ledger: null,
    data: null,
    memory: null,
    precision: null,
    samplesPerSecond: null,
    secondsLeft: null,
    stoppedEarly: false,
    exact: true,
    numFailedAttempts: 0,
    recentFailures: [],
    skipped: [],
    note: null,
    error: null,
    startedAt: execution.startTime.toISOString(),
    endedAt: execution.closeTime?.toISOString() ?? null,
    uiUrl,
  };
}

/** Temporal knows best whether a run is over; the attribute says more about one that is not. */
function statusOf(temporalStatus: string, attribute: string | undefined): RunStatus {
  if (temporalStatus === "COMPLETED") return "completed";
  if (temporalStatus === "CANCELLED") return "cancelled";
  if (temporalStatus !== "RUNNING" && temporalStatus !== "CONTINUED_AS_NEW") return "failed";
  return runStatuses.find((status) => status === attribute) ?? "preparing";
}

/** A heartbeat is newer than what the workflow was last told. */
function liveStatus(progress: Progress | null, state: RunState | null, listed: RunView["status"]): RunView["status"] {
  if (progress?.phase === "queued") return "queued";
  if (progress?.phase === "training" || progress?.phase === "validating") return "training";
  if (progress?.phase === "evaluating") return "evaluating";
  return state?.status ?? listed;
}

function newest(a: CheckpointReference | null, b: CheckpointReference | null): CheckpointReference | null {
  if (a && b) return a.step >= b.step ? a : b;
  return a ?? b;
}

function isFilled(metrics: Metrics | undefined): metrics is Metrics {
  return metrics !== undefined && Object.keys(metrics).length > 0;
}
