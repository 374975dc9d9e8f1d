import { defect, type ErrorRecord, isErrorCode, type Progress, toAnnealError } from "@anneal/contracts";
import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, TimeoutFailure } from "@temporalio/workflow";

/** A failed activity as an error record, with the last step that is known to be safe in a checkpoint. */
export interface ObservedFailure {
  readonly error: ErrorRecord;
  readonly checkpointStep: number | null;
}

/** Reads what the failure of an activity, or of a run, says; what Temporal itself observed (a silent worker) gets its code here. */
export function observeFailure(failure: unknown): ObservedFailure {
  const isOfOther = failure instanceof ActivityFailure || failure instanceof ChildWorkflowFailure;
  const cause = isOfOther ? failure.cause : failure;
  if (cause instanceof ApplicationFailure) {
    const [record] = (cause.details ?? []) as [ErrorRecord?];
    if (isErrorCode(cause.type) && record) {
      const step = record.facts.checkpointStep;
      return { error: record, checkpointStep: typeof step === "number" ? step : null };
    }
    return { error: defect(cause.message).toRecord(), checkpointStep: null };
  }
  if (cause instanceof TimeoutFailure) {
    const progress = cause.lastHeartbeatDetails as Progress | undefined;
    return {
      error: {
        code: "WORKER_LOST",
        message: "The worker stopped sending heartbeats: it was killed, or lost its machine or its network.",
        remedy: "Nothing to do: the run goes on from its last checkpoint as soon as a worker polls.",
        facts: { timeout: String(cause.timeoutType) },
      },
      checkpointStep: progress?.checkpoint?.step ?? null,
    };
  }
  return { error: toAnnealError(cause).toRecord(), checkpointStep: null };
}
