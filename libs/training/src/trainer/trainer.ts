import { appendFile } from "node:fs/promises";
import { openCheckpointStore, readRunRecord, runPathsAt } from "@anneal/checkpoint";
import {
  AnnealError,
  type EvaluationResult,
  type ExportReport,
  type PredictionResult,
  type PreparedRun,
  type SegmentResult,
  type SkippedCheckpoint,
  type StepExplanation,
  type TopicBounds,
  type TrainerReply,
  type TrainerRequest,
  type TrainingUsage,
} from "@anneal/contracts";
import { itemOfStep, openWindow, topicOf } from "@anneal/data";
import { isSameRung, ladderOf, nextRung, plainRung } from "@anneal/policy";
import { peakRssBytes } from "@anneal/runtime";
import type { LoopReport, LoopStats } from "../loop/run-loop.ts";
import { exportSession } from "./export.ts";
import { watchMemory } from "./memory-watch.ts";
import { precisionAskedFor } from "./precision-choice.ts";
import { predictSamples } from "./predict.ts";
import { homeOf, openRecordedRun, prepareRun } from "./prepare.ts";
import { ProgressBoard } from "./progress.ts";
import { chooseRung } from "./rung-choice.ts";
import type { TrainerSession, Weights } from "./session.ts";
import type { SessionEvents } from "./session-options.ts";
import { chooseThreads } from "./setup.ts";

type RequestOf<Type extends TrainerRequest["type"]> = Extract<TrainerRequest, { readonly type: Type }>;

export interface TrainerOptions {
  readonly send: (reply: TrainerReply) => void;
  /** The engine thread is gone: the process must end. */
  readonly onEngineLost: (cause: AnnealError) => void;
}

/** An activity that waits for records ends after so long, and another is asked: so that a history says that it still waits. */
const windowLimitMs = 600_000;

/** The conductor of a trainer process: one run at a time, kept loaded from request to request. */
export class Trainer {
  readonly #options: TrainerOptions;
  readonly #board: ProgressBoard;
  readonly #events: SessionEvents;
  #session: TrainerSession | null = null;
  #stopRequested = false;
  #recordedStep = -1;

  constructor(options: TrainerOptions) {
    this.#options = options;
    this.#board = new ProgressBoard((progress) => options.send({ type: "progress", progress }));
    this.#events = {
      onReport: (report) => this.#onReport(report),
      onEvaluated: (numSamples) => this.#board.setNote(`evaluated ${numSamples} samples`),
      onCommitted: (checkpoint) => this.#board.setCheckpoint(checkpoint),
      onEngineLost: options.onEngineLost,
    };
  }

  async prepare({ runDirectory, input }: RequestOf<"prepare">): Promise<PreparedRun> {
    await this.close();
    this.#board.setPhase("starting");
    const { session, result } = await prepareRun(runDirectory, input, this.#events);
    this.#session = session;
    this.#board.setPlan(session.plan);
    this.#board.setCheckpoint(result.start.checkpoint);
    return result;
  }

  async segment({ runDirectory, input }: RequestOf<"segment">): Promise<{ result: SegmentResult; stopped: boolean }> {
    this.#stopRequested = false;
    const { session, skipped } = await this.#openAt(runDirectory, input, "master");
    session.clearStop();
    // Asked while the session was opened.
    if (this.#stopRequested) session.requestStop();
    this.#board.setPlan(session.plan);
    this.#board.setPhase(this.#stopRequested ? "stopping" : "training");
    const pressure = { why: "" };
    using _watch = this.#watchMemory(session, pressure);
    return await this.#dropOnFailure(async () => {
      const { end, stats } = await session.train(input.untilStep, input.corrections ?? null, input.window ?? null);
      const { data } = session.result([]);
      await this.#record(session, { ...stats, ...session.feedWaits(), data, attempt: input.attempt, end });
      const result = { ...session.result(skipped), usage: usageOf(stats, session.loadedRssBytes) };
      if (pressure.why === "" || this.#stopRequested) return { result, stopped: end === "stopped" };
      return { result: { ...result, memoryPressure: pressure.why }, stopped: false };
    });
  }

  /** Ends the segment early where memory stays short and there is a rung that takes less. */
  #watchMemory(session: TrainerSession, pressure: { why: string }): Disposable | null {
    const { plan, rung, options } = session;
    if (nextRung(rung, ladderOf(options.spec, plan)) === null) return null;
    const startStep = session.state.step;
    return watchMemory({
      budgetBytes: plan.memory?.budgetBytes ?? null,
      isReady: () => this.#board.current.step > startStep,
      onPressure: (why) => {
        pressure.why = why;
        session.requestStop();
      },
    });
  }

  async evaluate({ runDirectory, input }: RequestOf<"evaluate">): Promise<EvaluationResult> {
    // Of what whoever uses the model will read.
    const { session, skipped } = await this.#openAt(runDirectory, { ...input, allowInexact: true }, "stored");
    this.#board.setPlan(session.plan);
    this.#board.setPhase("evaluating");
    try {
      return await this.#dropOnFailure(() => this.#evaluate(session, skipped, input.window ?? null));
    } finally {
      this.#board.setNote(null);
    }
  }

  async #evaluate(session: TrainerSession, skipped: readonly SkippedCheckpoint[], window: TopicBounds | null) {
    const result = await session.evaluate(skipped, undefined, window);
    if (window !== null) {
      const { numSamples, metrics } = result;
      await this.#append(session, [
        { kind: "window", window: window.window, step: session.state.step, numSamples, metrics },
      ]);
    }
    return result;
  }

  /** Waits for the next window of the run's topic, and decides it; null where it is not full in good time, or a stop is asked for. */
  async openWindow({ runDirectory, input }: RequestOf<"window">) {
    this.#stopRequested = false;
    const { session } = await this.#openAt(runDirectory, { ...input, allowInexact: true }, "master");
    this.#board.setPlan(session.plan);
    this.#board.setPhase("waiting");
    const handles = topicOf(session.setup.datasets.train)!;
    const { numSamples } = handles.windows!;
    try {
      const result = await openWindow(handles, {
        number: input.number,
        after: input.after,
        limitMs: windowLimitMs,
        isStopped: () => this.#stopRequested,
        onShort: (numThere) => this.#board.setNote(`waits for records: ${numThere} of ${numSamples} are there`),
      });
      return { result, stopped: result === null && this.#stopRequested };
    } finally {
      this.#board.setNote(null);
    }
  }

  async evaluateCheckpoint(request: RequestOf<"evaluateCheckpoint">): Promise<EvaluationResult> {
    const { session, skipped } = await this.#openForReading(request.runDirectory, request.checkpoint);
    this.#board.setPhase("evaluating");
    return session.evaluate(skipped, request.split ?? undefined);
  }

  async predict(request: RequestOf<"predict">): Promise<PredictionResult> {
    const { session, skipped } = await this.#openForReading(request.runDirectory, request.checkpoint);
    this.#board.setPhase("evaluating");
    return predictSamples(session, request.samples, skipped);
  }

  async exportModel({ runDirectory, checkpoint, spec, directory }: RequestOf<"export">): Promise<ExportReport> {
    const { session, loadMs } = await this.#openForReading(runDirectory, checkpoint);
    this.#board.setPhase("evaluating");
    this.#board.setNote(`exports as ${spec.format}`);
    try {
      return await exportSession(session, { spec, directory, loadMs });
    } finally {
      this.#board.setNote(null);
    }
  }

  async explain(): Promise<StepExplanation> {
    if (this.#session === null) throw new AnnealError("USAGE", "no run was prepared", "Prepare a run first.");
    return this.#session.explain();
  }

  /** A running segment ends at its next step with a checkpoint. */
  stop(): void {
    this.#stopRequested = true;
    this.#session?.requestStop();
    this.#board.setPhase("stopping");
  }

  /** Tells the parent that this process is alive, where nothing else does. */
  giveSignOfLife(): void {
    this.#board.repeat();
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    await session?.close();
  }

  /** The run at its newest checkpoint: as it is in memory if that is where it stands, else loaded from the store. */
  async #openAt(
    runDirectory: string,
    input: Pick<RequestOf<"segment">["input"], "runId" | "spec" | "plan" | "attempt" | "allowInexact" | "move">,
    weights: Weights,
  ) {
    const { runId, spec, plan, attempt, allowInexact, move } = input;
    const [newest = null] = await openCheckpointStore(runDirectory).list();
    const rung = chooseRung(spec, plan, newest, move);
    const living = this.#session;
    const isSameRun = living?.options.runId === runId && isSame(living.options.spec, spec);
    const fits = isSameRun && isSameRung(living.rung, rung.rung);
    if (living !== null && !fits) await this.close();
    if (this.#session === null) {
      this.#board.setPhase("starting");
      const options = { runId, runDirectory, spec, threads: plan.threads, recorded: plan, rung, events: this.#events };
      this.#session = await openRecordedRun(options, plan.recipeDigest);
    }
    const session = this.#session;
    await session.acquire(attempt);
    const skipped = (await session.isAtNewest(weights)) ? [] : await session.loadNewest(allowInexact, weights);
    this.#board.setCheckpoint(session.result([]).checkpoint);
    return { session, skipped };
  }

  /** A checkpoint of a run, for reading only: no attempt is taken. */
  async #openForReading(runDirectory: string, path: string | null) {
    const store = openCheckpointStore(runDirectory);
    const found = path === null ? await store.loadLatest() : { checkpoint: await store.load(path), skipped: [] };
    if (found === null) {
      throw new AnnealError(
        "CHECKPOINT_NOT_FOUND",
        `there is no checkpoint in ${runDirectory}`,
        "Train the run first, or name another checkpoint.",
        { runDirectory },
      );
    }
    const { checkpoint, skipped } = found;
    const { runId, recipe } = checkpoint.manifest;
    const { spec, plan } = await readRunRecord(homeOf(runDirectory), runId);
    const living = this.#session;
    const fits = living?.options.runDirectory === runDirectory && living.plan.recipeDigest === recipe.digest;
    if (!fits || !isSame(living.options.spec, spec)) {
      await this.close();
      this.#board.setPhase("starting");
      const threads = chooseThreads(spec, plan?.threads);
      // Read on the data as it is now; a trial of lowerings would be for nothing.
      const execution = { lowering: plan?.lowering?.lowering ?? "graph" };
      const rung = { rung: plainRung(spec.policy.memory), why: "only read", graph: null };
      const precision = plan?.precision ?? precisionAskedFor(spec);
      const decided = { recorded: null, execution, precision, rung, topics: plan?.topics };
      const options = { runId, runDirectory, spec, threads, ...decided, events: this.#events };
      this.#session = await openRecordedRun(options, recipe.digest);
    }
    const session = this.#session!;
    const start = performance.now();
    await session.load(checkpoint, true, "stored");
    return { session, skipped, loadMs: performance.now() - start };
  }

  /** After a failure the engine may be anywhere: the next request starts from the store. */
  async #dropOnFailure<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      await this.close();
      throw cause;
    }
  }

  #onReport(report: LoopReport): void {
    const session = this.#session;
    if (session === null) return;
    const item = itemOfStep(session.setup.feed, report.step);
    this.#board.setReport(report, session.plan, session.dataFacts(report.numBad, item));
  }

  /**
   * Appends finished epochs and the segment's own costs to `metrics.jsonl`: a log for people, plots and benchmarks. A run
   * never reads it back, so that a line that cannot be written is no failure.
   */
  async #record(session: TrainerSession, segment: Readonly<Record<string, unknown>>): Promise<void> {
    const { history, step } = session.state;
    const epochs = history.filter((record) => record.step > this.#recordedStep);
    this.#recordedStep = history.at(-1)?.step ?? this.#recordedStep;
    await this.#append(session, [
      ...epochs.map((record) => ({ kind: "epoch", ...record })),
      { kind: "segment", step, ...segment },
    ]);
  }

  async #append(session: TrainerSession, lines: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
    const time = new Date().toISOString();
    const text = lines.map(({ kind, ...line }) => `${JSON.stringify({ kind, time, ...line })}\n`).join("");
    await appendFile(runPathsAt(session.options.runDirectory).metrics, text).catch(() => {});
  }
}

/** Of a segment that has just ended: the peak is the process's, which is the run's alone. */
function usageOf(stats: LoopStats, loadedRssBytes: number): TrainingUsage {
  const { numSteps, numSamples, elapsedMs, validatedMs, waitedMs } = stats;
  return {
    numSteps,
    numSamples,
    trainingMs: elapsedMs,
    validatingMs: validatedMs,
    waitedMs,
    peakRssBytes: peakRssBytes(),
    loadedRssBytes,
  };
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
