import {
  type EvaluationResult,
  type RunSpec,
  type SegmentResult,
  type TopicBounds,
  type TrainingActivities,
  type TrainingPlan,
  windowInProgress,
} from "@anneal/contracts";

interface WindowRun {
  readonly runId: string;
  readonly spec: RunSpec;
  readonly plan: TrainingPlan;
  readonly last: SegmentResult;
  /** The window that was opened last. */
  readonly opened: TopicBounds | null;
  readonly persist: <T>(
    activity: string,
    summary: () => string,
    call: (activities: TrainingActivities, attempt: number) => Promise<T>,
  ) => Promise<T>;
  readonly onEvaluated: (evaluation: EvaluationResult) => void;
}

/**
 * The window of a topic that is trained next; null for a run on other data. A new one is decided by an activity, so that it is part of the
 * history before it begins, and evaluated before anything of it is trained.
 */
export async function windowOf(run: WindowRun): Promise<TopicBounds | null> {
  const { runId, spec, plan, last, opened, persist, onEvaluated } = run;
  const { windows } = plan;
  const { topic } = last;
  if (windows === undefined || topic === undefined) return null;
  const number = Math.floor(last.step / plan.stepsPerEpoch);
  if (opened?.window === number) return opened;
  // A resumed run may be within one that only its checkpoint knows.
  const begun = windowInProgress(topic, windows);
  if (begun?.window === number) return begun;
  let window: TopicBounds | null = null;
  while (window === null) {
    window = await persist(
      "openWindow",
      () => `wait for window ${number + 1}`,
      (activities, attempt) => activities.openWindow({ runId, spec, plan, attempt, number, after: topic }),
    );
  }
  const decided = window;
  if (windows.numEvaluated > 0) {
    const evaluation = await persist(
      "evaluateRun",
      () => `evaluate step ${last.step} on window ${number + 1}, before it is trained`,
      (activities, attempt) => activities.evaluateRun({ runId, spec, plan, attempt, window: decided }),
    );
    onEvaluated(evaluation);
  }
  return decided;
}
