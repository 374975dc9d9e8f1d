import { existsSync } from "node:fs";
import { comparePaths, runPaths } from "@anneal/checkpoint";
import {
  AnnealError,
  type CompareInput,
  type CompareMemo,
  type Comparison,
  compareWorkflowType,
  strategyRunId,
  taskQueue,
} from "@anneal/contracts";
import { TypedSearchAttributes } from "@temporalio/common";
import { runActive, startWorkflow, type WorkflowDefinition } from "../runs/start.ts";
import type { Session } from "../temporal/endpoint.ts";
import { searchAttributeKeys } from "../temporal/search-attributes.ts";

/**
 * Starts a comparison that must not exist yet, nor any of its runs.
 *
 * @throws AnnealError RUN_EXISTS
 */
export async function startNewComparison(
  home: string,
  session: Session,
  compareId: string,
  comparison: Comparison,
): Promise<void> {
  const ids = [compareId, ...comparison.strategies.map((strategy) => strategyRunId(compareId, strategy))];
  const taken = ids.find((id) => existsSync(runPaths(home, id).record) || existsSync(comparePaths(home, id).root));
  if (taken !== undefined) throw exists(taken);
  const definition = defineComparison({ ...comparison, resume: null });
  await startWorkflow(session, compareWorkflowType, compareId, definition, "ALLOW_DUPLICATE_FAILED_ONLY", exists);
}

/**
 * Starts another execution of a comparison that has ended.
 *
 * @throws AnnealError RUN_ACTIVE when somebody else was faster
 */
export async function startComparisonAgain(session: Session, compareId: string, input: CompareInput): Promise<void> {
  await startWorkflow(session, compareWorkflowType, compareId, defineComparison(input), "ALLOW_DUPLICATE", runActive);
}

function defineComparison(input: CompareInput): WorkflowDefinition<CompareInput> {
  const { resume: _resume, ...comparison } = input;
  const { recipe } = comparison.spec;
  const memo: CompareMemo = { recipe: recipe.name, comparison };
  return {
    taskQueue,
    args: [input],
    memo: { ...memo },
    typedSearchAttributes: new TypedSearchAttributes([
      { key: searchAttributeKeys.AnnealRecipe, value: recipe.name },
      { key: searchAttributeKeys.AnnealStatus, value: "preparing" },
    ]),
    staticSummary: `compare strategies of ${recipe.name}`,
    staticDetails: describe(comparison),
  };
}

function exists(id: string): AnnealError {
  return new AnnealError(
    "RUN_EXISTS",
    `There is a run or comparison "${id}" already.`,
    `Choose another --run-id, go on with it (anneal resume ${id}) or remove it (anneal rm ${id}).`,
    { runId: id },
  );
}

/** Fixed details of a comparison in Temporal's Markdown. */
function describe({ spec, strategies, criterion }: Comparison): string {
  return [
    `Strategies of **${spec.recipe.name}** (\`${spec.recipe.path}\`), one after another`,
    "",
    ...strategies.map(
      ({ name, precision, memory, weightStorage }) =>
        `- **${name}**: precision ${precision}, memory ${memory}, weights stored as ${weightStorage}`,
    ),
    `- wanted: ${criterion.prefer} within ${criterion.withinPoints} points of ${strategies[0]?.name}`,
  ].join("\n");
}
