import { AnnealError, heartbeatIntervalMs, type Progress, progressIntervalMs, toAnnealError } from "@anneal/contracts";
import { ApplicationFailure, type Context } from "@temporalio/activity";

/** Sends the run's workflow a progress signal. */
export type SignalProgress = (runId: string, progress: Progress) => Promise<void>;

/** What the workflow was last told of each run, beyond the activity that told it. */
export type LastSignals = Map<string, string>;

/** The progress of one activity: heartbeats carry the newest, the workflow gets it at its own slower rate. */
export class ProgressReporter {
  readonly #context: Context;
  readonly #runId: string;
  readonly #signal: SignalProgress;
  readonly #lastSignals: LastSignals;
  readonly #timer: NodeJS.Timeout;
  #latest: Progress;
  #signalledAtMs = Date.now();
  #sending: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(
    context: Context,
    runId: string,
    initial: Progress,
    { signal, lastSignals }: { readonly signal: SignalProgress; readonly lastSignals: LastSignals },
  ) {
    this.#context = context;
    this.#runId = runId;
    this.#latest = initial;
    this.#signal = signal;
    this.#lastSignals = lastSignals;
    context.heartbeat(initial);
    this.#timer = setInterval(() => context.heartbeat(this.#latest), heartbeatIntervalMs);
  }

  get latest(): Progress {
    return this.#latest;
  }

  /** Takes the newest progress; the workflow hears at once what changes its status, of the rest at its stated rate. */
  report(progress: Progress): void {
    this.#latest = progress;
    if (this.#ended) return;
    const news = newsOf(progress);
    const isNews = news !== null && this.#lastSignals.get(this.#runId) !== news;
    const now = Date.now();
    if (!isNews && now - this.#signalledAtMs < progressIntervalMs) return;
    this.#signalledAtMs = now;
    if (news !== null) this.#lastSignals.set(this.#runId, news);
    // The workflow may be gone (terminated): the next heartbeat says so; a lost signal is only a late number.
    this.#sending = this.#sending.then(() => this.#signal(this.#runId, this.#latest)).catch(() => {});
  }

  /** Stops heartbeats and waits for a signal under way, so that none arrives after the activity's result. */
  async end(): Promise<void> {
    this.#ended = true;
    clearInterval(this.#timer);
    await this.#sending;
    this.#context.heartbeat(this.#latest);
  }
}

/** What of a progress a person wants to know at once; null while the phase is only a transition. */
function newsOf({ phase, note }: Progress): string | null {
  switch (phase) {
    case "queued":
      return `queued: ${note}`;
    case "waiting":
      return "waiting";
    case "training":
    case "validating":
      return "training";
    case "evaluating":
      return "evaluating";
    case "starting":
    case "stopping":
      return null;
  }
}

/** Any error as the failure that the workflow reads: type = code, details = the record with the last safe step and the last one made. */
export function toFailure(cause: unknown, progress: Progress): ApplicationFailure {
  const error = toAnnealError(cause);
  const record = {
    ...error.toRecord(),
    facts: { ...error.facts, checkpointStep: progress.checkpoint?.step ?? null, atStep: progress.step },
  };
  return ApplicationFailure.create({
    message: `${error.code}: ${error.message} ${error.remedy}`,
    type: error.code,
    nonRetryable: true,
    details: [record],
  });
}

/** Why an activity was asked to end early. */
export type StopReason = "cancelled" | "preempted" | "superseded";

/** Reads Temporal's cancellation: the person's cancel, this worker's shutdown, or a server that gave up on this attempt. */
export function stopReason(context: Context): StopReason {
  const details = context.cancellationDetails;
  if (details?.cancelRequested) return "cancelled";
  if (details?.workerShutdown || details?.paused || details?.reset) return "preempted";
  return "superseded";
}

export function preempted(progress: Progress): AnnealError {
  return new AnnealError(
    "PREEMPTED",
    `The worker is shutting down; the run was handed over at step ${progress.checkpoint?.step ?? progress.step}.`,
    "Nothing to do: the run goes on as soon as a worker polls.",
  );
}

export function superseded(): AnnealError {
  return new AnnealError(
    "FENCED",
    "The server gave this attempt up for lost and a newer one owns the run.",
    "Nothing to do: the newer attempt goes on from the last checkpoint.",
  );
}
