import {
  type CarriedState,
  type Corrections,
  type EvaluationResult,
  type FailedAttempt,
  heartbeatTimeoutMs,
  type PreparedRun,
  type PrepareInput,
  type Progress,
  progressSignalName,
  type RunState,
  type RunStatus,
  type SegmentResult,
  statusQueryName,
  type TopicBounds,
  type TrainInput,
  type TrainingActivities,
  type TrainingPlan,
  type TrainResult,
} from "@anneal/contracts";
import { recoverFromNonFinite } from "@anneal/policy";
import {
  ActivityCancellationType,
  ApplicationFailure,
  CancellationScope,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  proxyActivities,
  setHandler,
  sleep,
  workflowInfo,
} from "@temporalio/workflow";
import { climb, type Move, outOfMemoryAt, rungOf, withoutRung } from "./climb.ts";
import { exportAll } from "./exports.ts";
import { observeFailure } from "./failures.ts";
import { type FailureCounts, nextMove } from "./next-move.ts";
import { type Published, publish } from "./publish.ts";
import { memoryInWords, nextSegmentEnd, segmentSummary } from "./segments.ts";
import { addUsage, noUsage } from "./usage.ts";
import { windowOf } from "./windows.ts";

const statusQuery = defineQuery<RunState>(statusQueryName);
const progressSignal = defineSignal<[Progress]>(progressSignalName);

/** Failed attempts and damaged checkpoints shown in the details; the history has them all. */
const maxRecentFailures = 5;
/** An activity may wait in a queue or train for very long; silence is what ends it, not its length. */
const activityOptions = {
  startToCloseTimeout: "365 days",
  heartbeatTimeout: heartbeatTimeoutMs,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { maximumAttempts: 1 },
} as const;

/**
 * A training run: prepare, segments until the last step, evaluate.
 *
 * Retries are this workflow's own loop over the failure table, one attempt an activity, so that every attempt is an
 * event that a person can read in the history.
 */
export async function train(input: TrainInput): Promise<TrainResult> {
  const { workflowId: runId, startTime } = workflowInfo();
  const { spec, carried } = input;
  const published: Published = {};
  let attempt = carried?.attempt ?? input.firstAttempt - 1;
  let counts: FailureCounts = carried?.failures ?? {};
  let safeStep = carried?.last.step ?? -1;
  let numFailedAttempts = carried?.numFailedAttempts ?? 0;
  let corrections: Corrections | null = carried?.last.corrections ?? null;
  let move: Move | null = carried?.move ?? null;
  let window: TopicBounds | null = carried?.window ?? null;
  let outOfMemory: NonNullable<PrepareInput["outOfMemory"]> | null = null;
  const startedAtMs = carried?.startedAtMs ?? startTime.getTime();

  let state: RunState = {
    runId,
    status: carried ? "training" : "preparing",
    plan: carried?.plan ?? null,
    progress: null,
    last: carried?.last ?? null,
    evaluation: carried?.evaluation ?? null,
    recentFailures: carried?.recentFailures ?? [],
    numFailedAttempts,
    usage: carried?.usage ?? input.usage ?? noUsage,
  };
  const update = (change: Partial<RunState>): void => {
    state = { ...state, ...change };
    publish(state, spec.recipe.name, published);
  };
  setHandler(statusQuery, () => state);
  setHandler(progressSignal, (progress) => {
    // A signal may arrive after the result of the activity that sent it: its numbers are old by then.
    if (isOver(state.status) || progress.step < (state.last?.step ?? 0)) return;
    const status = progress.phase === "queued" ? "queued" : statusOf(progress, state.status);
    update({ status, progress });
  });
  update({});

  /** Runs one activity until it succeeds, the failure table says stop, or the run is cancelled. */
  async function persist<T>(
    activity: string,
    summary: () => string,
    call: (activities: TrainingActivities, attempt: number) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      attempt += 1;
      try {
        return await call(proxyActivities<TrainingActivities>({ ...activityOptions, summary: summary() }), attempt);
      } catch (failure) {
        if (isCancellation(failure)) throw failure;
        const { error: observed, checkpointStep } = observeFailure(failure);
        let error = observed;
        const highest = error.code === "FENCED" ? error.facts.highestAttempt : undefined;
        if (typeof highest === "number") attempt = Math.max(attempt, highest);
        if (checkpointStep !== null && checkpointStep > safeStep) {
          safeStep = checkpointStep;
          counts = {};
        }
        numFailedAttempts += 1;
        const failed: FailedAttempt = { attempt, activity, step: Math.max(safeStep, 0), error };
        const recentFailures = [...state.recentFailures, failed].slice(-maxRecentFailures);
        const recovery =
          error.code === "LOSS_NOT_FINITE" ? recoverFromNonFinite(spec.policy.nonFinite, corrections, error) : null;
        if (recovery?.kind === "recover") {
          corrections = recovery.corrections;
          update({ status: "retrying", progress: null, recentFailures, numFailedAttempts });
          continue;
        }
        if (error.code === "OUT_OF_MEMORY") {
          const { plan, last } = state;
          if (plan === null) outOfMemory = { numTimes: (outOfMemory?.numTimes ?? 0) + 1, why: outOfMemoryAt(error) };
          else if (activity === "trainSegment") {
            const rung = rungOf(spec, plan, last, move);
            const next = climb(spec, plan, rung, outOfMemoryAt(error));
            // Not counted against any budget: the ladder has an end.
            if (next !== null) {
              move = next;
              update({ status: "retrying", progress: null, recentFailures, numFailedAttempts });
              continue;
            }
            error = withoutRung(spec, rung, error);
          }
        }
        const then = recovery ?? nextMove(error, counts, spec.retries);
        if (then.kind === "fail") {
          update({ recentFailures, numFailedAttempts });
          throw ApplicationFailure.create({
            message: `${error.code}: ${error.message} ${error.remedy} (${then.why})`,
            type: error.code,
            nonRetryable: true,
            details: [error],
          });
        }
        counts = then.counts;
        update({ status: "retrying", progress: null, recentFailures, numFailedAttempts });
        if (then.delayMs > 0) await sleep(then.delayMs, { summary: `${error.code}: ${then.why}` });
      }
    }
  }

  function arrive(result: SegmentResult, status: RunStatus): void {
    if (result.step > safeStep) counts = {};
    safeStep = Math.max(safeStep, result.step);
    corrections = result.corrections;
    const skipped = [...(state.last?.skipped ?? []), ...result.skipped].slice(-maxRecentFailures);
    const ledger = result.ledger ?? state.last?.ledger;
    const last = { ...result, skipped, ...(ledger && { ledger }) };
    const usage = result.usage ? addUsage(state.usage, result.usage) : state.usage;
    update({ status, last, usage, progress: null });
  }

  async function prepare(): Promise<TrainingPlan> {
    const prepared: PreparedRun = await persist(
      "prepareRun",
      () => `check and prepare ${spec.recipe.name}`,
      (activities, token) => activities.prepareRun({ runId, spec, attempt: token, resume: input.resume, outOfMemory }),
    );
    state = { ...state, plan: prepared.plan };
    arrive(prepared.start, "training");
    return prepared.plan;
  }

  try {
    const plan = carried?.plan ?? (await prepare());
    while (state.last && !state.last.finished) {
      const from = state.last;
      if (shouldContinueAsNew(spec.segment.maxHistoryEvents)) {
        const next: CarriedState = {
          plan,
          last: from,
          attempt,
          failures: counts as Record<string, number>,
          recentFailures: state.recentFailures,
          numFailedAttempts,
          startedAtMs,
          usage: state.usage,
          move,
          window,
          evaluation: state.evaluation,
        };
        await continueAsNew<typeof train>({ ...input, carried: next });
      }
      const onEvaluated = (evaluation: EvaluationResult): void => update({ status: "training", evaluation });
      window = await windowOf({ runId, spec, plan, last: from, opened: window, persist, onEvaluated });
      const untilStep = nextSegmentEnd(from.step, plan, spec);
      const summary = () => {
        const memory = memoryInWords(spec, rungOf(spec, plan, from, move), move?.why ?? null);
        return segmentSummary(from.step, untilStep, plan, corrections, memory);
      };
      const result = await persist("trainSegment", summary, (activities, token) =>
        activities.trainSegment({
          runId,
          spec,
          plan,
          attempt: token,
          untilStep,
          allowInexact: input.resume?.allowInexact ?? false,
          corrections,
          move,
          ...(window && { window }),
        }),
      );
      arrive(result, "training");
      const { finished, memoryPressure } = result;
      const rung = rungOf(spec, plan, result, null);
      move = finished || memoryPressure === undefined ? null : climb(spec, plan, rung, memoryPressure);
    }
    const last = state.last as SegmentResult;
    update({ status: "evaluating" });
    const evaluation =
      plan.numTestSamples + plan.numValidationSamples === 0
        ? state.evaluation
        : await persist(
            "evaluateRun",
            () => `evaluate step ${last.step}`,
            (activities, token) => activities.evaluateRun({ runId, spec, plan, attempt: token }),
          );
    update({ status: "evaluating", evaluation });
    const exports = await exportAll({ runId, spec, plan, persist });
    await finish();
    update({ status: "completed", evaluation });
    return {
      runId,
      step: last.step,
      epoch: last.epoch,
      metrics: last.metrics,
      evaluation,
      ...(exports.length > 0 && { exports }),
      checkpoint: last.checkpoint,
      best: last.best,
      stoppedEarly: last.stoppedEarly,
      exact: last.exact,
      numFailedAttempts,
      durationMs: Date.now() - startedAtMs,
      plan,
      usage: state.usage,
      ...(last.modelBytes === undefined ? {} : { modelBytes: last.modelBytes }),
      ...(last.ledger && { ledger: last.ledger }),
      ...(last.data && { data: last.data }),
      ...(last.rungMoves === undefined ? {} : { rungMoves: last.rungMoves }),
    };
  } catch (failure) {
    await CancellationScope.nonCancellable(async () => {
      await finish();
      update({ status: isCancellation(failure) ? "cancelled" : "failed", progress: null });
    });
    throw failure;
  }

  /** Ends the trainer if this worker still has one; a worker that does not answer has none. */
  async function finish(): Promise<void> {
    const { finishRun } = proxyActivities<TrainingActivities>({
      scheduleToCloseTimeout: "10 seconds",
      retry: { maximumAttempts: 1 },
      summary: "end the trainer",
    });
    await finishRun({ runId }).catch((failure: unknown) => {
      if (isCancellation(failure)) throw failure;
    });
  }
}

/** Well before Temporal's limits: a person reads a history, and a worker replays it. */
function shouldContinueAsNew(maxHistoryEvents: number): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || historyLength > maxHistoryEvents;
}

function isOver(status: RunStatus): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

function statusOf(progress: Progress, before: RunStatus): RunStatus {
  if (progress.phase === "evaluating") return "evaluating";
  if (progress.phase === "training" || progress.phase === "validating" || progress.phase === "waiting")
    return "training";
  return before === "queued" ? "preparing" : before;
}
