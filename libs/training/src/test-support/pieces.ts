import { stateDigestOf } from "@anneal/checkpoint";
import { type FeedItem, itemAt, numItems, type Schedule } from "@anneal/data";
import { expect } from "vitest";
import type { EngineOptions, StepEngine } from "../engine/step-engine.ts";
import { initialLoopState, type MonitorRules } from "../loop/bookkeeping.ts";
import { type ItemSource, type LoopOptions, type LoopSnapshot, runLoop } from "../loop/run-loop.ts";
import { cosine } from "../optimizers/schedules.ts";
import { tinyBatch, tinyOptions } from "./tiny.ts";

/** 3 epochs of 4 train batches, the last one partial, and 2 validation batches. */
export const schedule: Schedule = {
  seed: 1,
  batchSize: 8,
  epochs: 3,
  phases: [
    { phase: "train", numSamples: 27 },
    { phase: "validation", numSamples: 11 },
  ],
  shuffle: true,
};
export const rules: MonitorRules = { metric: "validation/loss", direction: "minimize", earlyStopping: null };
export const totalSteps = 12;

/** Batches as a function of their place, as the feed's are; released slots are spoiled. */
export class TestSource implements ItemSource {
  next_: number;
  /** Items that are not ready when they are asked for. */
  readonly #isLate: (index: number) => boolean;
  readonly #held: FeedItem[] = [];

  constructor(cursor: number, isLate: (index: number) => boolean) {
    this.next_ = cursor;
    this.#isLate = isLate;
  }

  next(): FeedItem | null {
    if (this.next_ >= numItems(schedule)) return null;
    const index = this.next_++;
    const item = itemAt(schedule, index);
    const batch = tinyBatch(index, item.numSamples);
    this.#held.push({ ...item, ...batch, index, waitedMs: this.#isLate(index) ? 1 : 0, numBad: 0 });
    return this.#held.at(-1)!;
  }

  release(index: number): void {
    const item = this.#held.shift();
    expect(item?.index).toBe(index);
    item!.inputs.fill(Number.NaN);
  }
}

interface Interruption {
  /** Asked after so many batches, validation batches included. */
  readonly afterItems: number;
}

export const isNeverLate = () => false;

export interface LoopChanges extends Partial<LoopOptions> {
  readonly isLate?: (index: number) => boolean;
  readonly engineOptions?: Partial<EngineOptions>;
}

/** Trains to the end in pieces: each piece starts in the engine as if new, from what the one before saved last. */
export function trainInPieces(
  engine: StepEngine,
  interruptions: readonly Interruption[],
  { isLate = isNeverLate, engineOptions = {}, ...changed }: LoopChanges = {},
) {
  const saved: LoopSnapshot[] = [];
  const ends: string[] = [];
  for (const piece of [...interruptions, null]) {
    engine.prepare(tinyOptions(engineOptions));
    const last = saved.at(-1);
    if (last) engine.loadState({ ...last.engine, optimizerScalars: last.loop.optimizer });
    const start = last?.loop ?? initialLoopState(engine.readState().optimizerScalars);
    const source = new TestSource(start.cursor.item, isLate);
    const stopAt = piece === null ? Number.POSITIVE_INFINITY : start.cursor.item + piece.afterItems;
    const { end } = runLoop({
      engine,
      source,
      schedule,
      learningRate: cosine({ peak: 0.02, totalSteps, warmupSteps: 3 }),
      rules,
      maxBadShare: 0,
      control: { stopRequested: () => source.next_ >= stopAt, abortRequested: () => false },
      start: JSON.parse(JSON.stringify(start)),
      untilStep: totalSteps,
      stepsPerCall: 1,
      lossScale: null,
      maxMs: 1e9,
      checkpointEveryMs: 1e9,
      checkpointEverySteps: null,
      save: (snapshot) => saved.push(snapshot),
      beforeSave: () => {},
      report: () => {},
      ...changed,
    });
    ends.push(end);
  }
  return { saved, ends, last: saved.at(-1)! };
}

export function digestOf({ loop, engine: { model, optimizer } }: LoopSnapshot): string {
  return stateDigestOf({ model, optimizer, state: loop });
}
