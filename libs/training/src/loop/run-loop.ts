import type { Accumulator, LoopState, Metrics, TrainingPhase } from "@anneal/contracts";
import { type FeedItem, type Schedule, stepsPerEpoch } from "@anneal/data";
import type { EngineState, StepEngine } from "../engine/step-engine.ts";
import type { Schedule as LearningRate } from "../optimizers/schedules.ts";
import {
  addBatch,
  closeEpoch,
  currentMetrics,
  emptyAccumulator,
  type MonitorRules,
  meansOf,
  validationIsPending,
} from "./bookkeeping.ts";

/** Where batches come from: `RingReader` in a trainer. */
export interface ItemSource {
  next(): FeedItem | null;
  release(index: number): void;
}

/** What other threads want of the loop: asked between two batches. */
export interface LoopControl {
  /** End at the next border between two steps, with a checkpoint. */
  readonly stopRequested: () => boolean;
  /** End at once: what was to be saved cannot be saved any more. */
  readonly abortRequested: () => boolean;
}

/** The whole state at a border between two steps. */
export interface LoopSnapshot {
  readonly loop: LoopState;
  readonly engine: EngineState;
  /** How long the loop stood still for it. */
  readonly stallMs: number;
}

export interface LoopReport {
  readonly phase: TrainingPhase;
  readonly step: number;
  /** Epochs completed. */
  readonly epoch: number;
  readonly metrics: Metrics;
  readonly best: LoopState["best"];
  readonly samplesPerSecond: number | null;
  readonly waitShare: number;
}

export interface LoopOptions {
  readonly engine: StepEngine;
  readonly source: ItemSource;
  readonly schedule: Schedule;
  readonly learningRate: LearningRate;
  readonly rules: MonitorRules;
  readonly control: LoopControl;
  /** The state that the engine and the source are at. */
  readonly start: LoopState;
  /** Steps completed when the loop ends; the validation of an epoch that ends there is included. */
  readonly untilStep: number;
  /** The loop ends at the first border after so many milliseconds. */
  readonly maxMs: number;
  readonly checkpointEveryMs: number;
  readonly checkpointEverySteps: number | null;
  /** Takes a snapshot to be written. Called at the end of each epoch, when one is due, and at the end. */
  readonly save: (snapshot: LoopSnapshot) => void;
  /** Waits until the snapshot before was written: called before the state is copied again. */
  readonly beforeSave: () => void;
  /** Called after every batch; calls `make` only when it wants the report. */
  readonly report: (make: () => LoopReport) => void;
}

export interface LoopOutcome {
  readonly state: LoopState;
  readonly end: "reached" | "stopped" | "time" | "aborted";
  /** Batches after `state.cursor` were taken from the source: it must be opened again to go on. */
  readonly sourceIsAhead: boolean;
  readonly stats: LoopStats;
}

export interface LoopStats {
  readonly numSteps: number;
  readonly elapsedMs: number;
  readonly waitedMs: number;
  readonly numSaves: number;
  readonly stalledMs: number;
}

/**
 * Trains from `start` until a limit. Runs synchronously on the engine's thread; whatever it returns has been saved,
 * except after an abort.
 */
export function runLoop(options: LoopOptions): LoopOutcome {
  const { engine, source, schedule, control, rules, untilStep } = options;
  const startedAt = performance.now();
  const numEpochSteps = stepsPerEpoch(schedule);
  const hasValidation = schedule.phases.some(({ phase }) => phase === "validation");
  let state = options.start;
  let savedItem = state.cursor.item;
  let savedAtMs = startedAt;
  let savedAtStep = state.step;
  let numSamples = 0;
  let numValidated = 0;
  const stats = { numSteps: 0, waitedMs: 0, numSaves: 0, stalledMs: 0 };

  const isOver = () => state.step >= untilStep || state.stoppedEarly;
  const ended = (end: LoopOutcome["end"], sourceIsAhead = false): LoopOutcome => {
    if (end !== "aborted" && state.cursor.item !== savedItem) save();
    report("training");
    return { state, end, sourceIsAhead, stats: { ...stats, elapsedMs: performance.now() - startedAt } };
  };

  function save(): void {
    const before = performance.now();
    options.beforeSave();
    const snapshot = engine.readState();
    const stallMs = performance.now() - before;
    state = { ...state, optimizer: { ...snapshot.optimizerScalars } };
    options.save({ loop: state, engine: snapshot, stallMs });
    stats.numSaves += 1;
    stats.stalledMs += stallMs;
    savedItem = state.cursor.item;
    savedAtMs = performance.now();
    savedAtStep = state.step;
  }

  function report(phase: TrainingPhase, validation: Accumulator = emptyAccumulator): void {
    options.report(() => {
      const elapsedMs = performance.now() - startedAt;
      const validated = Object.entries(meansOf(validation)).map(([name, value]) => [`validation/${name}`, value]);
      return {
        phase,
        step: state.step,
        epoch: state.epoch,
        metrics: { ...currentMetrics(state), ...Object.fromEntries(validated) },
        best: state.best,
        samplesPerSecond: elapsedMs > 0 && numSamples > 0 ? (numSamples * 1_000) / elapsedMs : null,
        waitShare: elapsedMs > 0 ? Math.min(1, stats.waitedMs / elapsedMs) : 0,
      };
    });
  }

  /** Takes the next batch, gives it to `use`, and gives its slot back when the call has returned, not before. */
  function withNext<T>(use: (item: FeedItem) => T): T {
    const item = source.next();
    if (item === null) throw new Error(`the feed ended at item ${state.cursor.item}, before step ${untilStep}`);
    stats.waitedMs += item.waitedMs;
    try {
      return use(item);
    } finally {
      source.release(item.index);
    }
  }

  /** The validation of the epoch that was just trained; null when it was interrupted: its weights are saved all the same. */
  function validate(): Accumulator | null {
    let sums: Accumulator = emptyAccumulator;
    numValidated = 0;
    for (;;) {
      if (control.stopRequested() || control.abortRequested()) return null;
      const isLast = withNext((item) => {
        sums = addBatch(sums, engine.evaluateBatch(item, state.step));
        return item.isLastOfPhase;
      });
      numValidated += 1;
      report("validating", sums);
      if (isLast) return sums;
    }
  }

  function trainStep(): { readonly isLastOfEpoch: boolean } {
    return withNext((item) => {
      const { cursor, step, accumulator, corrections } = state;
      let added = accumulator;
      if (!corrections?.skippedSteps.includes(step)) {
        const learningRate = options.learningRate.at(step) * (corrections?.learningRateScale ?? 1);
        added = addBatch(accumulator, engine.trainBatch(item, { step, learningRate }));
      }
      numSamples += item.numSamples;
      stats.numSteps += 1;
      state = { ...state, step: step + 1, cursor: advance(cursor, 1), accumulator: added };
      return { isLastOfEpoch: item.isLastOfPhase };
    });
  }

  for (;;) {
    if (control.abortRequested()) return ended("aborted");
    if (validationIsPending(state, schedule, numEpochSteps)) {
      const validation = validate();
      if (validation === null) return ended(control.abortRequested() ? "aborted" : "stopped", numValidated > 0);
      state = closeEpoch({ ...state, cursor: advance(state.cursor, numValidated) }, validation, rules);
      save();
      continue;
    }
    if (isOver()) return ended("reached");
    if (control.stopRequested()) return ended("stopped");
    if (performance.now() - startedAt >= options.maxMs && stats.numSteps > 0) return ended("time");
    const isDue =
      performance.now() - savedAtMs >= options.checkpointEveryMs ||
      state.step - savedAtStep >= (options.checkpointEverySteps ?? Number.POSITIVE_INFINITY);
    if (isDue && state.cursor.item !== savedItem) save();
    const { isLastOfEpoch } = trainStep();
    report("training");
    if (isLastOfEpoch && !hasValidation) {
      state = closeEpoch(state, null, rules);
      save();
    }
  }
}

function advance({ item }: LoopState["cursor"], numItems: number): LoopState["cursor"] {
  return { item: item + numItems };
}
