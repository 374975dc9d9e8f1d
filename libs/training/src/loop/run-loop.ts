import {
  type Accumulator,
  AnnealError,
  type LoopState,
  type Metrics,
  type Policy,
  type TrainingPhase,
} from "@anneal/contracts";
import { type FeedItem, itemAt, type Schedule, stepsPerEpoch, tooManyBadRecords } from "@anneal/data";
import { initialLossScale, nextLossScale } from "@anneal/policy";
import type { EngineState, StepEngine, StepScalars, TrainedSums } from "../engine/step-engine.ts";
import type { Schedule as LearningRate } from "../optimizers/schedules.ts";
import {
  addBatch,
  closeEpoch,
  countBadRecords,
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

/** What other threads want of the loop: asked between two calls of the engine. */
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
  /** Samples met in training that could not be read, since the run began. */
  readonly numBad: number;
}

/** What the loop needs of an engine. */
export type LoopEngine = Pick<StepEngine, "trainBatches" | "evaluateBatch" | "readState">;

export interface LoopOptions {
  readonly engine: LoopEngine;
  readonly source: ItemSource;
  readonly schedule: Schedule;
  readonly learningRate: LearningRate;
  /** Full batches that one call of the engine takes where as many are ready and nothing is due between them. */
  readonly stepsPerCall: number;
  /** Where the engine scales the loss: how the scale changes. Then each call makes one step. */
  readonly lossScale: Policy["lossScale"] | null;
  readonly rules: MonitorRules;
  /** Of the train samples of an epoch, the share that may be unreadable. */
  readonly maxBadShare: number;
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
  /** Called after every call of the engine; calls `make` only when it wants the report. */
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
  readonly numSamples: number;
  /** Of the engine, to make these steps. */
  readonly numCalls: number;
  readonly elapsedMs: number;
  readonly validatedMs: number;
  readonly waitedMs: number;
  readonly numSaves: number;
  readonly stalledMs: number;
}

/**
 * Trains from `start` until a limit. Runs synchronously on the engine's thread; whatever it returns has been saved,
 * except after an abort.
 *
 * @throws AnnealError RECIPE_INVALID (a learning rate that is no number), LOSS_NOT_FINITE, OUT_OF_MEMORY, BAD_RECORDS; whatever the source throws
 */
export function runLoop(options: LoopOptions): LoopOutcome {
  const { engine, source, schedule, control, rules, untilStep, lossScale } = options;
  // A step decides on the scale of the next one.
  const stepsPerCall = lossScale === null ? options.stepsPerCall : 1;
  const startedAt = performance.now();
  const numEpochSteps = stepsPerEpoch(schedule);
  const numTrainSamples = schedule.phases.find(({ phase }) => phase === "train")?.numSamples ?? 0;
  const hasValidation = schedule.phases.some(({ phase }) => phase === "validation");
  let state = lossScale === null ? options.start : { lossScale: initialLossScale(lossScale), ...options.start };
  let savedItem = state.cursor.item;
  let savedAtMs = startedAt;
  let savedAtStep = state.step;
  let numValidated = 0;
  const stats = { numSteps: 0, numSamples: 0, numCalls: 0, validatedMs: 0, waitedMs: 0, numSaves: 0, stalledMs: 0 };

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
        samplesPerSecond: elapsedMs > 0 && stats.numSamples > 0 ? (stats.numSamples * 1_000) / elapsedMs : null,
        waitShare: elapsedMs > 0 ? Math.min(1, stats.waitedMs / elapsedMs) : 0,
        numBad: state.badRecords?.numMet ?? 0,
      };
    });
  }

  function take(): FeedItem {
    const item = source.next();
    if (item === null) throw new Error(`the feed ended at item ${state.cursor.item}, before step ${untilStep}`);
    stats.waitedMs += item.waitedMs;
    return item;
  }

  /** Gives batches to `use`, and their slots back when the call has returned, not before. */
  function holding<T>(items: readonly FeedItem[], use: () => T): T {
    try {
      return use();
    } finally {
      for (const { index } of items) source.release(index);
    }
  }

  /** The validation of the epoch that was just trained; null when it was interrupted: its weights are saved all the same. */
  function validate(): Accumulator | null {
    let sums: Accumulator = emptyAccumulator;
    numValidated = 0;
    for (;;) {
      if (control.stopRequested() || control.abortRequested()) return null;
      const item = take();
      sums = holding([item], () => addBatch(sums, engine.evaluateBatch(item, state.step)));
      numValidated += 1;
      report("validating", sums);
      if (item.isLastOfPhase) return sums;
    }
  }

  /** How many steps may be made in one call: full batches of one epoch, none of them passed over, nothing due before the last. */
  function numTogether(): number {
    const { step, cursor, corrections } = state;
    const end = step + stepsPerCall;
    const limit = Math.min(untilStep, savedAtStep + (options.checkpointEverySteps ?? Number.POSITIVE_INFINITY));
    if (stepsPerCall === 1 || end > limit) return 1;
    const last = itemAt(schedule, cursor.item + stepsPerCall - 1);
    const isOfEpoch = last.phase === "train" && last.batch === (step % numEpochSteps) + stepsPerCall - 1;
    const isSkipped = corrections?.skippedSteps.some((skipped) => skipped >= step && skipped < end) ?? false;
    return isOfEpoch && last.numSamples === schedule.batchSize && !isSkipped ? stepsPerCall : 1;
  }

  /** Takes the batches of the next call: fewer where one of them has to be waited for, so that nobody waits for several. */
  function takeTogether(): readonly FeedItem[] {
    const count = numTogether();
    const items = [take()];
    while (items.length < count && items.at(-1)!.waitedMs === 0) items.push(take());
    return items;
  }

  function trainSteps(items: readonly FeedItem[]): void {
    const { cursor, step, corrections } = state;
    if (!corrections?.skippedSteps.includes(step)) {
      const scalars = items.map((_, index) => scalarsAt(step + index));
      const sums = holding(items, () => engine.trainBatches(items, scalars));
      stats.numCalls += 1;
      state = { ...state, accumulator: sums.reduce(addBatch, state.accumulator), ...scaleAfter(sums) };
    } else for (const { index } of items) source.release(index);
    stats.numSamples += items.reduce((sum, item) => sum + item.numSamples, 0);
    stats.numSteps += items.length;
    const badRecords = countBadRecords(state.badRecords, items);
    state = { ...state, step: step + items.length, cursor: advance(cursor, items.length), ...badRecords };
    requireFewBad();
    report("training");
  }

  /** @throws AnnealError BAD_RECORDS */
  function requireFewBad(): void {
    const numInEpoch = state.badRecords?.numInEpoch ?? 0;
    if (numInEpoch > options.maxBadShare * numTrainSamples && numInEpoch > 0) {
      throw tooManyBadRecords(numInEpoch, numTrainSamples, options.maxBadShare, []);
    }
  }

  function scalarsAt(step: number): StepScalars {
    const scale = state.lossScale?.scale;
    return {
      step,
      learningRate: learningRateAt(step),
      ...(lossScale !== null && scale !== undefined && { lossScale: scale }),
    };
  }

  /** A step that was skipped has used up its batch all the same: under a lower scale it is the next one's turn. */
  function scaleAfter(steps: readonly TrainedSums[]): Pick<LoopState, "lossScale"> {
    if (lossScale === null || state.lossScale === undefined) return {};
    return {
      lossScale: steps.reduce((scale, { isSkipped }) => nextLossScale(scale, !isSkipped, lossScale), state.lossScale),
    };
  }

  /** @throws AnnealError RECIPE_INVALID: the step would be finite, and all weights after it would not */
  function learningRateAt(step: number): number {
    const rate = options.learningRate.at(step) * (state.corrections?.learningRateScale ?? 1);
    // As the engine takes it.
    if (!Number.isFinite(Math.fround(rate))) throw badLearningRate(rate, step);
    return rate;
  }

  for (;;) {
    if (control.abortRequested()) return ended("aborted");
    if (validationIsPending(state, schedule, numEpochSteps)) {
      const validationStartedAt = performance.now();
      const validation = validate();
      stats.validatedMs += performance.now() - validationStartedAt;
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
    const items = takeTogether();
    // One at a time where it is not the call that was compiled.
    for (const group of items.length === stepsPerCall ? [items] : items.map((item) => [item])) trainSteps(group);
    if (items.at(-1)!.isLastOfPhase && !hasValidation) {
      state = closeEpoch(state, null, rules);
      save();
    }
  }
}

function advance({ item }: LoopState["cursor"], numItems: number): LoopState["cursor"] {
  return { item: item + numItems };
}

function badLearningRate(rate: number, step: number): AnnealError {
  return new AnnealError(
    "RECIPE_INVALID",
    `the learning rate of step ${step + 1} is ${rate}`,
    "Correct the schedule that optimizer() returns: a finite number for every step from 0 on.",
    { step: step + 1, learningRate: String(rate) },
  );
}
