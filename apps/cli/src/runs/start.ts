import { existsSync } from "node:fs";
import { runPaths } from "@anneal/checkpoint";
import {
  AnnealError,
  type ResumeChoices,
  type RunMemo,
  type RunSpec,
  type TrainInput,
  type TrainingUsage,
  taskQueue,
  trainWorkflowType,
} from "@anneal/contracts";
import { WorkflowExecutionAlreadyStartedError, type WorkflowStartOptions } from "@temporalio/client";
import { TypedSearchAttributes } from "@temporalio/common";
import type { Session } from "../temporal/endpoint.ts";
import { searchAttributeKeys } from "../temporal/search-attributes.ts";

/** What Temporal is told of a run: the same for a run started now and for one that a schedule will start. */
export type RunDefinition = WorkflowDefinition<TrainInput>;

/** What Temporal is told of a workflow beside its id. */
export interface WorkflowDefinition<Input> {
  readonly taskQueue: string;
  readonly args: [Input];
  readonly memo: Record<string, unknown>;
  readonly typedSearchAttributes: TypedSearchAttributes;
  readonly staticSummary: string;
  readonly staticDetails: string;
}

/** What a run is started with: a new one, or one that goes on. */
export interface RunStart {
  readonly spec: RunSpec;
  /** Null for a new run. */
  readonly choices: ResumeChoices | null;
  readonly firstAttempt: number;
  /** Of its executions so far; null where there are none, or nobody can tell. */
  readonly usage: TrainingUsage | null;
}

/** Of a run that was never started. */
export function newRun(spec: RunSpec): RunStart {
  return { spec, choices: null, firstAttempt: 1, usage: null };
}

export function defineRun({ spec, choices, firstAttempt, usage }: RunStart): RunDefinition {
  const { recipe, parameters } = spec;
  const memo: RunMemo = { recipe: recipe.name, parameters, spec };
  return {
    taskQueue,
    args: [{ spec, resume: choices, firstAttempt, ...(usage && { usage }), carried: null }],
    memo: { ...memo },
    typedSearchAttributes: new TypedSearchAttributes([
      { key: searchAttributeKeys.AnnealRecipe, value: recipe.name },
      { key: searchAttributeKeys.AnnealStatus, value: "preparing" },
      { key: searchAttributeKeys.AnnealStep, value: 0 },
    ]),
    staticSummary: `train ${recipe.name}`,
    staticDetails: describeSpec(spec),
  };
}

/**
 * Starts a run that must not exist yet.
 *
 * @throws AnnealError RUN_EXISTS
 */
export async function startNewRun(home: string, session: Session, runId: string, spec: RunSpec): Promise<void> {
  // What is on disk counts as well: the server's memory of closed runs is limited, the checkpoints stay.
  if (existsSync(runPaths(home, runId).record)) throw runExists(runId);
  const definition = defineRun(newRun(spec));
  await startWorkflow(session, trainWorkflowType, runId, definition, "ALLOW_DUPLICATE_FAILED_ONLY", runExists);
}

/**
 * Starts another execution of a run that has ended before its last step.
 *
 * @throws AnnealError RUN_ACTIVE when somebody else was faster
 */
export async function startAgain(session: Session, runId: string, runStart: RunStart): Promise<void> {
  await startWorkflow(session, trainWorkflowType, runId, defineRun(runStart), "ALLOW_DUPLICATE", runActive);
}

/** @param refused what is thrown where there is such a workflow already that may not be followed by another */
export async function startWorkflow<Input>(
  session: Session,
  type: string,
  workflowId: string,
  definition: WorkflowDefinition<Input>,
  workflowIdReusePolicy: NonNullable<WorkflowStartOptions["workflowIdReusePolicy"]>,
  refused: (workflowId: string) => AnnealError,
): Promise<void> {
  try {
    await session.client.workflow.start(type, {
      ...definition,
      workflowId,
      workflowIdReusePolicy,
      workflowIdConflictPolicy: "FAIL",
    });
  } catch (cause) {
    throw cause instanceof WorkflowExecutionAlreadyStartedError ? refused(workflowId) : cause;
  }
}

function runExists(runId: string): AnnealError {
  return new AnnealError(
    "RUN_EXISTS",
    `There is a run "${runId}" already.`,
    `Choose another --run-id, go on with it (anneal resume ${runId}) or remove it (anneal rm ${runId}).`,
    { runId },
  );
}

export function runActive(runId: string): AnnealError {
  return new AnnealError("RUN_ACTIVE", `Run "${runId}" is active.`, `Follow it: anneal watch ${runId}`, { runId });
}

/** Fixed details of a run in Temporal's Markdown. */
function describeSpec({ recipe, parameters, seed, policy, maxSteps }: RunSpec): string {
  return [
    `Training of **${recipe.name}** (\`${recipe.path}\`)`,
    "",
    ...Object.entries(parameters).map(([name, value]) => `- ${name}: \`${JSON.stringify(value)}\``),
    `- seed: \`${seed}\`, precision: \`${policy.precision}\`${maxSteps === undefined ? "" : `, at most ${maxSteps} steps`}`,
  ].join("\n");
}
