import { existsSync, readdirSync } from "node:fs";
import { openCheckpointStore, type RunRecord, readRunRecord, runPaths } from "@anneal/checkpoint";
import {
  nullOn,
  type ResumeChoices,
  type RunMemo,
  type RunSpec,
  recipeChanged,
  runComplete,
  runSpecSchema,
  type TrainInput,
} from "@anneal/contracts";
import type { WorkflowExecutionDescription } from "@temporalio/client";
import { defaultPayloadConverter } from "@temporalio/common";
import type { Session } from "../temporal/endpoint.ts";
import { isComplete, viewFromDisk } from "./disk.ts";
import { findExecution, queryState, runNotFound } from "./observe.ts";
import { type RunStart, runActive, startAgain } from "./start.ts";

/** Where a resumed run goes on, as far as this machine can tell. */
export interface Resumed {
  /** No checkpoint is left (its folder was deleted), or there never was one: all steps are done again. */
  readonly fromStart: boolean;
}

/** What another execution of a run is started with. */
export interface Resumption extends Resumed, RunStart {}

/**
 * Starts another execution of a run under the same workflow id, from its last checkpoint.
 *
 * @throws AnnealError RUN_NOT_FOUND, RUN_ACTIVE, RUN_COMPLETE
 */
export async function resumeRun(
  home: string,
  session: Session,
  runId: string,
  choices: ResumeChoices,
): Promise<Resumed> {
  const resumption = await planResume(home, session, runId, choices);
  await startAgain(session, runId, resumption);
  return resumption;
}

/**
 * How a run that has ended before its last step goes on.
 *
 * @throws AnnealError RUN_NOT_FOUND, RUN_ACTIVE, RUN_COMPLETE, RECIPE_CHANGED
 */
export async function planResume(
  home: string,
  session: Session,
  runId: string,
  choices: ResumeChoices,
): Promise<Resumption> {
  const before = await findExecution(session.client, runId);
  const record = await nullOn("RUN_NOT_FOUND", readRunRecord(home, runId));
  if (!before && !record) throw runNotFound(runId);
  if (before?.status.name === "RUNNING") throw runActive(runId);
  if (before?.status.name === "COMPLETED" || (!before && isComplete(await viewFromDisk(home, runId)))) {
    throw runComplete(runId);
  }
  const spec = specOf(before, record);
  if (!spec) throw runNotFound(runId);
  if (record) await checkRecipe(record, choices);
  const tokens = [await highestTokenInHistory(session, runId, before), await highestTokenOnDisk(home, runId)];
  // A run of this machine that failed before it was prepared is started as the new run it still is.
  const isNew = !record && session.endpoint.isLocal;
  const fromStart = session.endpoint.isLocal && !hasCheckpoints(home, runId);
  const state = before && !fromStart ? await queryState(session.client, runId) : null;
  return {
    fromStart,
    spec,
    choices: isNew ? null : choices,
    firstAttempt: Math.max(...tokens) + 1,
    usage: state?.usage ?? null,
  };
}

/** Damaged ones count: a run that has those does not start anew, it fails. */
function hasCheckpoints(home: string, runId: string): boolean {
  const { checkpoints } = runPaths(home, runId);
  return existsSync(checkpoints) && readdirSync(checkpoints).length > 0;
}

/** What a person is told of it. */
export function describeResumed(home: string, runId: string, { fromStart }: Resumed): string {
  if (!fromStart) return `run ${runId} goes on from its last checkpoint`;
  return `no checkpoint of run ${runId} was found in ${runPaths(home, runId).root}: it starts from step 0`;
}

/** The trainer checks this as well; here it costs no execution that fails. Throws RECIPE_CHANGED. */
async function checkRecipe({ runId, spec, plan }: RunRecord, { recipeVersion }: ResumeChoices): Promise<void> {
  if (recipeVersion !== null || plan === null) return;
  const { recipeDigest } = await import("@anneal/training");
  // A file that is gone or does not parse any more has changed, too.
  const digest = await recipeDigest(spec.recipe.path).catch(() => null);
  if (digest !== plan.recipeDigest) throw recipeChanged(runId, spec.recipe.path, plan.recipeDigest);
}

function specOf(before: WorkflowExecutionDescription | null, record: RunRecord | null): RunSpec | null {
  const memo = before?.memo as Partial<RunMemo> | undefined;
  const parsed = runSpecSchema.safeParse(memo?.spec);
  return parsed.success ? parsed.data : (record?.spec ?? null);
}

/**
 * An upper bound of the fencing tokens that the last execution gave out: it started from a known one, and each
 * attempt since is at least one event of its history. A stale attempt of it that still lives is outrun for certain.
 */
async function highestTokenInHistory(
  session: Session,
  runId: string,
  before: WorkflowExecutionDescription | null,
): Promise<number> {
  if (!before) return 0;
  const { history } = await session.client.workflowService.getWorkflowExecutionHistory({
    namespace: session.endpoint.namespace,
    execution: { workflowId: runId, runId: before.runId },
    maximumPageSize: 1,
  });
  const [payload] = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const input = payload ? defaultPayloadConverter.fromPayload<TrainInput>(payload) : null;
  return (input?.carried?.attempt ?? input?.firstAttempt ?? 1) + before.historyLength;
}

async function highestTokenOnDisk(home: string, runId: string): Promise<number> {
  const checkpoints = await openCheckpointStore(runPaths(home, runId).root).list();
  return Math.max(0, ...checkpoints.map(({ manifest }) => manifest.attempt));
}
