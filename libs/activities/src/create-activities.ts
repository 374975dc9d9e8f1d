import { noProgress, type PrepareInput, type Progress, type TrainingActivities } from "@anneal/contracts";
import { Context } from "@temporalio/activity";
import {
  type LastSignals,
  ProgressReporter,
  preempted,
  type SignalProgress,
  stopReason,
  superseded,
  toFailure,
} from "./supervise.ts";
import type { Trainer, TrainerPool } from "./trainer-pool.ts";

export interface ActivityDependencies {
  readonly pool: TrainerPool;
  readonly signalProgress: SignalProgress;
  readonly workerPid: number;
}

/** A trainer that was asked to stop has this long to commit its checkpoint before it is killed. */
const stopLimitMs = 60_000;
/** An attempt that another one replaces must get out of the way sooner. */
const supersededLimitMs = 5_000;

/** The activities of a training run: thin adapters between Temporal and a trainer process. */
export function createActivities(dependencies: ActivityDependencies): TrainingActivities {
  const { pool, workerPid } = dependencies;
  /** The activity that uses a run's trainer right now; a newer attempt of the same run waits for it to end. */
  const inUse = new Map<string, Promise<void>>();
  /** Where each run stood when its last activity here ended: the next one starts its report from there. */
  const lastProgress = new Map<string, Progress>();
  const lastSignals: LastSignals = new Map();

  /** Gets the run's trainer, keeps heartbeats going, and turns cancellation into a checkpoint. */
  async function withTrainer<T>(
    { runId, spec }: Pick<PrepareInput, "runId" | "spec">,
    { savesWhenStopped, renew }: { readonly savesWhenStopped: boolean; readonly renew: boolean },
    work: (trainer: Trainer, report: (progress: Progress) => void) => Promise<{ result: T; stopped: boolean }>,
  ): Promise<T> {
    const context = Context.current();
    const known = lastProgress.get(runId) ?? noProgress;
    const initial: Progress = { ...known, phase: "starting", note: null, samplesPerSecond: null, workerPid };
    const reporter = new ProgressReporter(context, runId, initial, {
      signal: dependencies.signalProgress,
      lastSignals,
    });
    const report = (progress: Progress): void => {
      // A trainer that starts knows nothing yet: what was known of the run stays in sight until it trains.
      const { phase, note, trainerPid } = progress;
      const known = phase === "starting" ? { ...reporter.latest, phase, note, trainerPid } : progress;
      reporter.report({ ...known, checkpoint: progress.checkpoint ?? reporter.latest.checkpoint, workerPid });
    };
    const done = Promise.withResolvers<void>();
    try {
      await makeWay(runId);
      inUse.set(runId, done.promise);
      const trainer = await pool.acquire(runId, context.cancellationSignal, {
        exclusive: spec.exclusive,
        renew,
        onPosition: (running, position) =>
          report({ ...reporter.latest, phase: "queued", note: queueNote(running, position) }),
      });
      report({ ...reporter.latest, phase: "starting", note: null, trainerPid: trainer.pid });
      using _stopping = stopWhenCancelled(context, trainer, savesWhenStopped);
      const { result, stopped } = await work(trainer, report);
      // After a person's cancel the result is returned: the workflow keeps its checkpoint and ends as cancelled.
      if (stopped && stopReason(context) !== "cancelled") throw endedEarly(context, reporter.latest);
      return result;
    } catch (error) {
      if (context.cancellationSignal.aborted) throw endedEarly(context, reporter.latest);
      // The workflow shows the failure from here on: whatever comes next is news again.
      lastSignals.delete(runId);
      throw toFailure(error, reporter.latest);
    } finally {
      if (inUse.get(runId) === done.promise) inUse.delete(runId);
      done.resolve();
      lastProgress.set(runId, reporter.latest);
      await reporter.end();
    }
  }

  /** A server that came back late schedules a new attempt while the old one still trains here: the old one gives way. */
  async function makeWay(runId: string): Promise<void> {
    const before = inUse.get(runId);
    if (!before) return;
    const trainer = pool.find(runId);
    trainer?.stop();
    const limit = setTimeout(() => trainer?.kill(), supersededLimitMs);
    await before;
    clearTimeout(limit);
  }

  return {
    prepareRun: (input) =>
      withTrainer(input, { savesWhenStopped: false, renew: input.outOfMemory != null }, async (trainer, report) => {
        const result = await trainer.prepare(input, report);
        return { result, stopped: false };
      }),

    // What a trainer took on one rung it need not give back on the next: a new process begins with nothing.
    trainSegment: (input) =>
      withTrainer(input, { savesWhenStopped: true, renew: input.move != null }, (trainer, report) =>
        trainer.segment(input, report),
      ),

    openWindow: (input) =>
      withTrainer(input, { savesWhenStopped: true, renew: false }, (trainer, report) =>
        trainer.openWindow(input, report),
      ),

    evaluateRun: (input) =>
      withTrainer(input, { savesWhenStopped: false, renew: false }, async (trainer, report) => {
        const result = await trainer.evaluate(input, report);
        return { result, stopped: false };
      }),

    exportRun: (input) =>
      withTrainer(input, { savesWhenStopped: false, renew: false }, async (trainer, report) => {
        const result = await trainer.export(input, report);
        return { result, stopped: false };
      }),

    finishRun: async ({ runId }) => {
      lastProgress.delete(runId);
      lastSignals.delete(runId);
      await pool.find(runId)?.close();
    },
  } satisfies TrainingActivities;
}

function queueNote(running: readonly string[], position: number): string {
  const ahead = position === 1 ? "next in line" : `${position - 1} ahead in line`;
  return `waits for a free trainer (${ahead}; running: ${running.join(", ")})`;
}

/** The failure of an attempt that was cancelled: as cancelled, as handed over, or as replaced. */
function endedEarly(context: Context, progress: Progress): unknown {
  const reason = stopReason(context);
  if (reason === "cancelled") return context.cancellationSignal.reason;
  return toFailure(reason === "preempted" ? preempted(progress) : superseded(), progress);
}

/** Asks the trainer to stop when the activity is cancelled, and kills it if it does not, or has nothing to save. */
function stopWhenCancelled(context: Context, trainer: Trainer, savesWhenStopped: boolean): Disposable {
  let limit: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    if (!savesWhenStopped) {
      trainer.kill();
      return;
    }
    trainer.stop();
    limit = setTimeout(() => trainer.kill(), stopReason(context) === "superseded" ? supersededLimitMs : stopLimitMs);
  };
  const signal = context.cancellationSignal;
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return {
    [Symbol.dispose]() {
      signal.removeEventListener("abort", onAbort);
      clearTimeout(limit);
    },
  };
}
