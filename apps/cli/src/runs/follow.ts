import { setTimeout as delay } from "node:timers/promises";
import type { Progress, RunState, TrainingPlan, TrainResult } from "@anneal/contracts";
import { inWords, planInWords } from "../render/memory.ts";
import { precisionPlanInWords } from "../render/precision.ts";
import type { Session } from "../temporal/endpoint.ts";
import { type Observation, observe, queryState } from "./observe.ts";
import { patiently } from "./patiently.ts";
import { type Outcome, readOutcome } from "./view.ts";

export interface Follower {
  onProgress(progress: Progress): void;
  /** Something worth a line: a failed attempt, a server that is away, a worker that is missing. */
  onNote(line: string): void;
}

/** Heartbeats come every 500 ms; looking a little more often shows each. */
const pollMs = 400;

/**
 * Follows a run to its end by Temporal's API alone, so that it works with any server. Survives a server that is
 * restarted meanwhile.
 *
 * @param signal ends following, not the run: the result is null then
 * @throws AnnealError RUN_NOT_FOUND, SERVER_UNREACHABLE
 */
export async function followRun(
  session: Session,
  runId: string,
  follower: Follower,
  signal: AbortSignal,
): Promise<Outcome | null> {
  const failures = new FailureNotes(session, runId, follower);
  try {
    return await poll(session, runId, follower, failures, signal);
  } finally {
    await failures.settled();
  }
}

async function poll(
  { client, endpoint }: Session,
  runId: string,
  follower: Follower,
  failures: FailureNotes,
  signal: AbortSignal,
): Promise<Outcome | null> {
  const notes = new RepeatedNotes(follower);
  let shown: Progress | null = null;
  const look = async (): Promise<Outcome | null> => {
    const observation = await observe(client, runId);
    if (isClosed(observation)) {
      await failures.look();
      return await readOutcome(client, runId);
    }
    if (observation.progress) {
      shown = continued(shown, observation.progress);
      follower.onProgress(shown);
    }
    if (observation.waitsForWorker) notes.say("waiting for a worker: is one running? (anneal up)");
    else notes.reset();
    failures.lookWhenChanged(observation);
    return null;
  };
  while (!signal.aborted) {
    const outcome = await patiently(endpoint, look, (line) => notes.say(line), signal);
    if (outcome) {
      if (shown && outcome.result) follower.onProgress(finished(shown, outcome.result));
      return outcome;
    }
    await delay(pollMs, undefined, { signal }).catch(() => {});
  }
  return null;
}

/** An activity that has just started knows its phase and nothing else yet: what is known stays on the screen. */
function continued(before: Progress | null, now: Progress): Progress {
  const knowsNothing = now.step === 0 && now.phase !== "training" && now.phase !== "validating";
  return before && knowsNothing ? { ...before, phase: now.phase, note: now.note } : now;
}

/** The last heartbeat comes a moment before the last step. */
function finished(shown: Progress, { step, metrics }: TrainResult): Progress {
  return { ...shown, phase: "training", step, totalSteps: Math.max(step, 1), metrics, secondsLeft: null };
}

function isClosed({ execution }: Observation): boolean {
  return execution.status.name !== "RUNNING" && execution.status.name !== "CONTINUED_AS_NEW";
}

/** Says a thing once, until something else was said. */
class RepeatedNotes {
  readonly #follower: Follower;
  #last: string | null = null;

  constructor(follower: Follower) {
    this.#follower = follower;
  }

  say(line: string): void {
    if (line !== this.#last) this.#follower.onNote(line);
    this.#last = line;
  }

  reset(): void {
    this.#last = null;
  }
}

/** Tells of failed attempts and of damaged checkpoints: asks the workflow whenever another activity runs than before. */
class FailureNotes {
  readonly #session: Session;
  readonly #runId: string;
  readonly #follower: Follower;
  #activityId: string | null = null;
  #highestAttempt: number | null = null;
  readonly #skippedPaths = new Set<string>();
  #isPlanTold = false;
  #numMoves: number | null = null;
  #looking: Promise<void> | null = null;

  constructor(session: Session, runId: string, follower: Follower) {
    this.#session = session;
    this.#runId = runId;
    this.#follower = follower;
  }

  lookWhenChanged({ execution }: Observation): void {
    const activityId = execution.raw.pendingActivities?.[0]?.activityId ?? null;
    if (activityId === this.#activityId) return;
    this.#activityId = activityId;
    // Not awaited: a query waits for the worker, the bar does not.
    void this.look();
  }

  /** Resolves when no question is under way any more: a session must not be closed before. */
  look(): Promise<void> {
    this.#looking ??= queryState(this.#session.client, this.#runId).then((state) => {
      this.#looking = null;
      if (state) this.#tell(state);
    });
    return this.#looking;
  }

  /** What was decided before step 1, where there was something to decide. */
  #tellOfPlan({ memory, precision }: TrainingPlan): void {
    if (this.#isPlanTold) return;
    this.#isPlanTold = true;
    const format = precision === undefined ? null : precisionPlanInWords(precision);
    if (format !== null) this.#follower.onNote(`precision: ${format}`);
    if (memory !== undefined && memory.budgetBytes !== null) this.#follower.onNote(`memory: ${planInWords(memory)}`);
  }

  #tellOfMoves({ last }: RunState): void {
    const moves = last?.rungMoves ?? [];
    for (const move of moves.slice(this.#numMoves ?? moves.length)) {
      this.#follower.onNote(`memory was short at step ${move.step}, now ${inWords(move)}: ${move.why}`);
    }
    this.#numMoves = moves.length;
  }

  async settled(): Promise<void> {
    await this.#looking;
  }

  #tell(state: RunState): void {
    if (state.plan) this.#tellOfPlan(state.plan);
    this.#tellOfMoves(state);
    const { recentFailures, last } = state;
    for (const { path, reason } of last?.skipped ?? []) {
      if (!this.#skippedPaths.has(path)) this.#follower.onNote(`skipped a damaged checkpoint: ${reason}`);
      this.#skippedPaths.add(path);
    }
    const known = this.#highestAttempt;
    this.#highestAttempt = Math.max(known ?? 0, ...recentFailures.map(({ attempt }) => attempt));
    if (known === null) return; // what happened before we came is in `status`
    for (const { attempt, step, error } of recentFailures) {
      if (attempt > known)
        this.#follower.onNote(`attempt ${attempt} failed at step ${step}: ${error.code}: ${error.message}`);
    }
  }
}
