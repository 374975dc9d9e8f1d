import {
  AnnealError,
  type CompareInput,
  type CompareResult,
  type CompareState,
  type ComparingActivities,
  type ErrorRecord,
  type ReportFiles,
  type RunMemo,
  type RunSpec,
  type Strategy,
  type StrategyOutcome,
  type StrategyStart,
  statusQueryName,
  strategyRunId,
  type TrainInput,
} from "@anneal/contracts";
import { budgetOf, isShare, measuresOf, strategySpec } from "@anneal/policy";
import { comparisonMarkdown, comparisonReport } from "@anneal/report";
import { defineSearchAttributeKey, WorkflowExecutionAlreadyStartedError } from "@temporalio/common";
import {
  CancellationScope,
  ChildWorkflowCancellationType,
  defineQuery,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from "@temporalio/workflow";
import { observeFailure } from "./failures.ts";
import { train } from "./train.ts";
import { noUsage } from "./usage.ts";

const statusQuery = defineQuery<CompareState>(statusQueryName);
const recipeKey = defineSearchAttributeKey("AnnealRecipe", "KEYWORD");
const statusKey = defineSearchAttributeKey("AnnealStatus", "KEYWORD");

/**
 * A comparison: every strategy trains as a child of its own, one after another, so that no two of them share a machine;
 * then the report is written.
 *
 * A strategy that fails, or that a person cancels alone, is an outcome like others. Cancelling the comparison cancels the
 * run under way, which saves a checkpoint.
 */
export async function compare(input: CompareInput): Promise<CompareResult> {
  const { workflowId: compareId } = workflowInfo();
  const { spec, strategies, criterion } = input;
  const comparison = { spec, strategies, criterion };
  let state: CompareState = { compareId, outcomes: strategies.map((strategy) => before(compareId, strategy)) };
  const settle = (outcome: StrategyOutcome): void => {
    const outcomes = state.outcomes.map((known) => (known.runId === outcome.runId ? outcome : known));
    state = { ...state, outcomes };
    setCurrentDetails(comparisonMarkdown(comparisonReport(comparison, state)));
  };
  setHandler(statusQuery, () => state);
  upsertSearchAttributes([
    { key: recipeKey, value: spec.recipe.name },
    { key: statusKey, value: "training" },
  ]);

  try {
    for (const strategy of strategies) {
      const start = input.resume?.[strategy.name] ?? null;
      await runStrategy(input, state, strategy, start, settle);
    }
    const files = await writeReport();
    upsertSearchAttributes([{ key: statusKey, value: "completed" }]);
    return { ...state, files };
  } catch (failure) {
    upsertSearchAttributes([{ key: statusKey, value: isCancellation(failure) ? "cancelled" : "failed" }]);
    throw failure;
  }

  /** The comparison is worth its result without the files as well. */
  async function writeReport(): Promise<ReportFiles | null> {
    const activities = proxyActivities<ComparingActivities>({
      startToCloseTimeout: "1 minute",
      retry: { maximumAttempts: 3 },
      summary: "write the report",
    });
    try {
      return await activities.writeReport({ comparison, state });
    } catch (failure) {
      if (isCancellation(failure)) throw failure;
      return null;
    }
  }
}

/** Trains one strategy to its end, whatever that is. Throws only when the comparison itself is cancelled. */
async function runStrategy(
  input: CompareInput,
  state: CompareState,
  strategy: Strategy,
  start: StrategyStart | null,
  settle: (outcome: StrategyOutcome) => void,
): Promise<void> {
  if (start?.kind === "keep") return settle(start.outcome);
  const { compareId } = state;
  const known = before(compareId, strategy);
  const plain = state.outcomes.find((outcome) => outcome.strategy.memory === "plain")?.measured?.usage ?? noUsage;
  if (start === null && isShare(strategy.memory) && plain.numSteps === 0) return settle(unlimited(known, state));
  const spec = start?.spec ?? strategySpec(input, strategy, budgetOf(strategy.memory, plain));
  const running: StrategyOutcome = { ...known, status: "running", budget: spec.policy.memory.budget ?? null };
  settle(running);
  try {
    const result = await executeChild(train, childOptions(running.runId, spec, strategy, start));
    settle({ ...running, status: "completed", measured: measuresOf(result) });
  } catch (failure) {
    if (!isCancellation(failure))
      return settle({ ...running, status: "failed", error: errorOf(failure, running.runId) });
    settle({ ...running, status: "cancelled" });
    if (CancellationScope.current().consideredCancelled) throw failure;
  }
}

function before(compareId: string, strategy: Strategy): StrategyOutcome {
  const runId = strategyRunId(compareId, strategy);
  return { strategy, runId, status: "waiting", budget: null, measured: null, error: null };
}

function childOptions(runId: string, spec: RunSpec, strategy: Strategy, start: StrategyStart | null) {
  const memo: RunMemo = { recipe: spec.recipe.name, parameters: spec.parameters, spec };
  const resume = start?.kind === "resume" ? start : null;
  const input: TrainInput = {
    spec,
    resume: resume?.choices ?? null,
    firstAttempt: resume?.firstAttempt ?? 1,
    ...(resume?.usage ? { usage: resume.usage } : {}),
    carried: null,
  };
  return {
    workflowId: runId,
    args: [input] as [TrainInput],
    memo: { ...memo },
    staticSummary: `train ${spec.recipe.name}, ${strategy.name}`,
    // A checkpoint is saved before the comparison ends.
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    workflowIdReusePolicy: resume ? ("ALLOW_DUPLICATE" as const) : ("ALLOW_DUPLICATE_FAILED_ONLY" as const),
  };
}

/** A share of what nobody knows. */
function unlimited(known: StrategyOutcome, { outcomes }: CompareState): StrategyOutcome {
  const plain = outcomes.find(({ strategy }) => strategy.memory === "plain")?.strategy.name ?? "plain";
  const error = new AnnealError(
    "RUN_FAILED",
    `${known.strategy.memory} is a share of the memory that ${plain} takes, and ${plain} has no result.`,
    "See why it has none, then resume the comparison; or give an amount, such as --memory 512MiB.",
    { runId: known.runId },
  );
  return { ...known, status: "failed", error: error.toRecord() };
}

function errorOf(failure: unknown, runId: string): ErrorRecord {
  if (failure instanceof WorkflowExecutionAlreadyStartedError) {
    return new AnnealError(
      "RUN_EXISTS",
      `There is a run "${runId}" already.`,
      `Remove it (anneal rm ${runId}), or compare under another id.`,
      { runId },
    ).toRecord();
  }
  return observeFailure(failure).error;
}
