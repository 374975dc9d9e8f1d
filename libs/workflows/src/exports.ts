import type { ExportOutcome, RunSpec, TrainingActivities, TrainingPlan } from "@anneal/contracts";
import { isCancellation } from "@temporalio/workflow";
import { observeFailure } from "./failures.ts";

interface ExportedRun {
  readonly runId: string;
  readonly spec: RunSpec;
  readonly plan: TrainingPlan;
  readonly persist: <T>(
    activity: string,
    summary: () => string,
    call: (activities: TrainingActivities, attempt: number) => Promise<T>,
  ) => Promise<T>;
}

/**
 * The files that the recipe asks for, one after another. One that cannot be made is an outcome with its error: the run is trained all
 * the same, and `anneal export` makes others of its checkpoint.
 */
export async function exportAll({ runId, spec, plan, persist }: ExportedRun): Promise<readonly ExportOutcome[]> {
  const outcomes: ExportOutcome[] = [];
  for (const asked of plan.exports ?? []) {
    const summary = () => `export as ${asked.format} in ${asked.precision}`;
    try {
      const { file, after } = await persist("exportRun", summary, (activities, attempt) =>
        activities.exportRun({ runId, spec, attempt, asked }),
      );
      outcomes.push({ spec: asked, file, metrics: after.metrics, error: null });
    } catch (failure) {
      if (isCancellation(failure)) throw failure;
      outcomes.push({ spec: asked, file: null, metrics: null, error: observeFailure(failure).error });
    }
  }
  return outcomes;
}
