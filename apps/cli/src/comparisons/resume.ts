import { type ResumeChoices, runComplete, type StrategyStart } from "@anneal/contracts";
import { findExecution } from "../runs/observe.ts";
import { planResume } from "../runs/resume.ts";
import { runActive } from "../runs/start.ts";
import type { Session } from "../temporal/endpoint.ts";
import { startComparisonAgain } from "./start.ts";
import { readComparison } from "./view.ts";

/** What a resumed comparison does, by the strategies' names. */
export interface ResumedComparison {
  readonly kept: readonly string[];
  readonly resumed: readonly string[];
  readonly begun: readonly string[];
}

/**
 * Starts another execution of a comparison: strategies that are completed are kept, others go on from their checkpoints.
 *
 * @throws AnnealError RUN_NOT_FOUND, RUN_ACTIVE, RUN_COMPLETE; RECIPE_CHANGED of a strategy that is not completed
 */
export async function resumeComparison(
  home: string,
  session: Session,
  compareId: string,
  choices: ResumeChoices,
): Promise<ResumedComparison> {
  const { execution, comparison, outcomes } = await readComparison(session.client, compareId);
  if (execution.status.name === "RUNNING") throw runActive(compareId);
  const isDone = outcomes.every(({ status }) => status === "completed");
  if (isDone && execution.status.name === "COMPLETED") throw runComplete(compareId);
  const resume: Record<string, StrategyStart> = {};
  const names: Record<keyof ResumedComparison, string[]> = { kept: [], resumed: [], begun: [] };
  for (const outcome of outcomes) {
    const { strategy, runId, status } = outcome;
    if (status === "completed") {
      names.kept.push(strategy.name);
      resume[strategy.name] = { kind: "keep", outcome };
    } else if (await findExecution(session.client, runId)) {
      names.resumed.push(strategy.name);
      const { fromStart: _fromStart, ...runStart } = await planResume(home, session, runId, choices);
      resume[strategy.name] = { kind: "resume", ...runStart };
    } else names.begun.push(strategy.name);
  }
  await startComparisonAgain(session, compareId, { ...comparison, resume });
  return names;
}

/** What a person is told of it. */
export function describeResumedComparison(compareId: string, { kept, resumed, begun }: ResumedComparison): string {
  const parts = [
    kept.length > 0 ? `keeps ${kept.join(", ")}` : "",
    resumed.length > 0 ? `goes on with ${resumed.join(", ")}` : "",
    begun.length > 0 ? `begins ${begun.join(", ")}` : "",
  ];
  return `comparison ${compareId} ${parts.filter((part) => part !== "").join("; ")}`;
}
