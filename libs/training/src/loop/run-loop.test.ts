import { stateDigestOf } from "@anneal/checkpoint";
import { type FeedItem, itemAt, numItems, type Schedule } from "@anneal/data";
import { afterEach, describe, expect, test } from "vitest";
import { EagerEngine } from "../engine/eager-engine.ts";
import { constant, cosine } from "../optimizers/schedules.ts";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyBatch, tinyOptions } from "../test-support/tiny.ts";
import { initialLoopState, type MonitorRules } from "./bookkeeping.ts";
import { type ItemSource, type LoopOptions, type LoopSnapshot, runLoop } from "./run-loop.ts";

const engine = new EagerEngine(testTensorflow());
afterEach(() => engine.dispose());

/** 3 epochs of 4 train batches, the last one partial, and 2 validation batches. */
const schedule: Schedule = {
  seed: 1,
  batchSize: 8,
  epochs: 3,
  phases: [
    { phase: "train", numSamples: 27 },
    { phase: "validation", numSamples: 11 },
  ],
  shuffle: true,
};
const rules: MonitorRules = { metric: "validation/loss", direction: "minimize", earlyStopping: null };
const totalSteps = 12;

/** Batches as a function of their place, as the feed's are; released slots are spoiled. */
class TestSource implements ItemSource {
  next_: number;
  #held: FeedItem | null = null;

  constructor(cursor: number) {
    this.next_ = cursor;
  }

  next(): FeedItem | null {
    expect(this.#held).toBeNull();
    if (this.next_ >= numItems(schedule)) return null;
    const index = this.next_++;
    const item = itemAt(schedule, index);
    const batch = tinyBatch(index, item.numSamples);
    this.#held = { ...item, ...batch, index, waitedMs: 0 };
    return this.#held;
  }

  release(index: number): void {
    expect(this.#held?.index).toBe(index);
    this.#held!.inputs.fill(Number.NaN);
    this.#held = null;
  }
}

interface Interruption {
  /** Asked after so many batches, validation batches included. */
  readonly afterItems: number;
}

/** Trains to the end in pieces: each piece starts in a new engine from what the one before saved last. */
function train(interruptions: readonly Interruption[], changed: Partial<LoopOptions> = {}) {
  const saved: LoopSnapshot[] = [];
  const ends: string[] = [];
  for (const piece of [...interruptions, null]) {
    engine.prepare(tinyOptions());
    const last = saved.at(-1);
    if (last) engine.loadState({ ...last.engine, optimizerScalars: last.loop.optimizer });
    const start = last?.loop ?? initialLoopState(engine.readState().optimizerScalars);
    const source = new TestSource(start.cursor.item);
    const stopAt = piece === null ? Number.POSITIVE_INFINITY : start.cursor.item + piece.afterItems;
    const { end } = runLoop({
      engine,
      source,
      schedule,
      learningRate: cosine({ peak: 0.02, totalSteps, warmupSteps: 3 }),
      rules,
      control: { stopRequested: () => source.next_ >= stopAt, abortRequested: () => false },
      start: JSON.parse(JSON.stringify(start)),
      untilStep: totalSteps,
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

function digestOf({ loop, engine: { model, optimizer } }: LoopSnapshot): string {
  return stateDigestOf({ model, optimizer, state: loop });
}

describe("runLoop", () => {
  test("trains all steps, validates each epoch and saves at its end", () => {
    const { saved, ends, last } = train([]);
    expect(ends).toEqual(["reached"]);
    expect(saved.map(({ loop }) => [loop.step, loop.epoch, loop.cursor.item])).toEqual([
      [4, 1, 6],
      [8, 2, 12],
      [12, 3, 18],
    ]);
    expect(last.loop.history.map(({ train: { loss }, validation }) => [loss! > 0, validation!.loss! > 0])).toEqual([
      [true, true],
      [true, true],
      [true, true],
    ]);
    expect(last.loop.optimizer).toEqual({ t: 12 });
  });

  const whole = () => digestOf(train([]).last);

  test.each([
    ["once in an epoch", [{ afterItems: 2 }]],
    ["at every step", Array.from({ length: 11 }, () => ({ afterItems: 1 }))],
    ["before the first step", [{ afterItems: 0 }]],
    ["just before the validation", [{ afterItems: 4 }]],
    ["within the validation", [{ afterItems: 5 }]],
    ["within the validation, again and again", [{ afterItems: 5 }, { afterItems: 1 }, { afterItems: 1 }]],
    ["at the end of an epoch", [{ afterItems: 6 }, { afterItems: 6 }]],
  ])("ends with the same bits when stopped and resumed %s", (_name, interruptions) => {
    const { ends, last } = train(interruptions);
    expect(ends.slice(0, -1).every((end) => end === "stopped")).toBe(true);
    expect(digestOf(last)).toBe(whole());
  });

  test("saves by steps within an epoch, without changing anything", () => {
    const { saved, last } = train([], { checkpointEverySteps: 3 });
    expect(saved.map(({ loop }) => loop.step)).toEqual([3, 4, 7, 8, 11, 12]);
    expect(digestOf(last)).toBe(whole());
  });

  test("ends a segment at its step or its time, saved", () => {
    const bySteps = train([], { untilStep: 6 });
    expect(bySteps.ends).toEqual(["reached"]);
    expect(bySteps.last.loop.step).toBe(6);
    const byTime = train([], { maxMs: 0 });
    expect(byTime.ends).toEqual(["time"]);
    expect(byTime.last.loop.step).toBe(1);
  });

  test("an abort saves nothing more", () => {
    const { saved, ends } = train([], { control: { stopRequested: () => false, abortRequested: () => true } });
    expect(ends).toEqual(["aborted"]);
    expect(saved).toEqual([]);
  });

  test("stops early when the monitored metric no longer improves", () => {
    const { last, ends } = train([], {
      learningRate: constant(0),
      rules: { ...rules, earlyStopping: { patience: 1, minDelta: 10 } },
    });
    expect(ends).toEqual(["reached"]);
    // The first epoch improves on nothing; the second gains too little.
    expect(last.loop).toMatchObject({ stoppedEarly: true, epoch: 2, step: 8, numEpochsWithoutImprovement: 1 });
  });

  test("counts its stalls and its waits", () => {
    const seen: LoopSnapshot[] = [];
    const { last } = train([], { beforeSave: () => {}, save: (snapshot) => seen.push(snapshot) });
    expect(last).toBeUndefined();
    expect(seen.every(({ stallMs }) => stallMs > 0)).toBe(true);
  });
});
