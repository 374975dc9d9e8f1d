import type { FeedItem } from "@anneal/data";
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { EagerEngine } from "../engine/eager-engine.ts";
import { constant } from "../optimizers/schedules.ts";
import { digestOf, isNeverLate, type LoopChanges, rules, TestSource, trainInPieces } from "../test-support/pieces.ts";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyOptions } from "../test-support/tiny.ts";
import { initialLoopState } from "./bookkeeping.ts";
import type { LoopSnapshot } from "./run-loop.ts";

const engine = new EagerEngine(testTensorflow());
let trainBatches: MockInstance<EagerEngine["trainBatches"]>;
beforeEach(() => {
  trainBatches = vi.spyOn(engine, "trainBatches");
});
afterEach(() => engine.dispose());
/** How many steps each call made. */
const callSizes = () => trainBatches.mock.calls.map(([batches]) => batches.length);
const train = (interruptions: Parameters<typeof trainInPieces>[1], changes?: LoopChanges) =>
  trainInPieces(engine, interruptions, changes);

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

  const interrupted = [
    ["once in an epoch", [{ afterItems: 2 }]],
    ["at every step", Array.from({ length: 11 }, () => ({ afterItems: 1 }))],
    ["before the first step", [{ afterItems: 0 }]],
    ["just before the validation", [{ afterItems: 4 }]],
    ["within the validation", [{ afterItems: 5 }]],
    ["within the validation, again and again", [{ afterItems: 5 }, { afterItems: 1 }, { afterItems: 1 }]],
    ["at the end of an epoch", [{ afterItems: 6 }, { afterItems: 6 }]],
  ] as const;

  test.each(interrupted)("ends with the same bits when stopped and resumed %s", (_name, interruptions) => {
    const { ends, last } = train(interruptions);
    expect(ends.slice(0, -1).every((end) => end === "stopped")).toBe(true);
    expect(digestOf(last)).toBe(whole());
  });

  test("saves by steps within an epoch, without changing anything", () => {
    const { saved, last } = train([], { checkpointEverySteps: 3 });
    expect(saved.map(({ loop }) => loop.step)).toEqual([3, 4, 7, 8, 11, 12]);
    expect(digestOf(last)).toBe(whole());
  });

  describe("with several steps in one call", () => {
    const stepsPerCall = 2;

    test.each(interrupted)("ends with the same bits when stopped and resumed %s", (_name, interruptions) => {
      const { ends, last } = train(interruptions, { stepsPerCall });
      expect(ends.slice(0, -1).every((end) => end === "stopped")).toBe(true);
      expect(digestOf(last)).toBe(whole());
    });

    test("takes full batches of one epoch together, and the others one by one", () => {
      const { saved, last } = train([], { stepsPerCall: 3 });
      // Three full batches and one of three samples.
      expect(callSizes()).toEqual([3, 1, 3, 1, 3, 1]);
      expect(saved.map(({ loop }) => loop.step)).toEqual([4, 8, 12]);
      expect(digestOf(last)).toBe(whole());
      trainBatches.mockClear();
      train([], { stepsPerCall: 4 });
      expect(callSizes()).toEqual(Array.from({ length: 12 }, () => 1));
    });

    test("saves by steps at the same steps", () => {
      const { saved, last } = train([], { stepsPerCall, checkpointEverySteps: 3 });
      expect(saved.map(({ loop }) => loop.step)).toEqual([3, 4, 7, 8, 11, 12]);
      expect(callSizes()).toEqual([2, 1, 1, 2, 1, 1, 2, 1, 1]);
      expect(digestOf(last)).toBe(whole());
    });

    test("waits for no more than one batch", () => {
      const { last } = train([], { stepsPerCall, isLate: (index) => index === 0 || index === 7 || index === 14 });
      expect(callSizes()).toEqual([1, 2, 1, 2, 1, 1, 2, 1, 1]);
      trainBatches.mockClear();
      // What was taken with it is not kept waiting for the third.
      const other = train([], { stepsPerCall: 3, isLate: (index) => index === 1 });
      expect(callSizes()).toEqual([1, 1, 1, 1, 3, 1, 3, 1]);
      expect([last, other.last].map(digestOf)).toEqual([whole(), whole()]);
    });

    test("ends at its step, and passes over a batch as one by one", () => {
      expect(train([], { stepsPerCall, untilStep: 5 }).last.loop.step).toBe(5);
      const corrections = { learningRateScale: 0.5, skippedSteps: [1, 5], numRecoveries: 2 };
      const digests = [1, stepsPerCall].map((size) => {
        engine.prepare(tinyOptions());
        const start = { ...initialLoopState(engine.readState().optimizerScalars), corrections };
        trainBatches.mockClear();
        return digestOf(train([], { stepsPerCall: size, start }).last);
      });
      expect(digests[1]).toBe(digests[0]);
      expect(callSizes()).toEqual([1, 1, 1, 1, 1, 1, 2, 1, 1]);
    });

    test("names the step that is not finite", () => {
      const spoiled = (index: number) => index === 1;
      class Spoiled extends TestSource {
        override next(): FeedItem | null {
          const item = super.next();
          if (item !== null && spoiled(item.index)) item.inputs.fill(Number.POSITIVE_INFINITY);
          return item;
        }
      }
      expect(() => train([], { stepsPerCall, source: new Spoiled(0, isNeverLate) })).toThrowError(
        expect.objectContaining({ code: "LOSS_NOT_FINITE", facts: expect.objectContaining({ step: 2 }) }),
      );
    });
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 1e39])(
    "a learning rate of %d is refused before its step",
    (rate) => {
      for (const stepsPerCall of [1, 2]) {
        const learningRate = { at: (step: number) => (step === 5 ? rate : 0.01) };
        expect(() => train([], { learningRate, stepsPerCall })).toThrowError(
          expect.objectContaining({ code: "RECIPE_INVALID", facts: { step: 6, learningRate: String(rate) } }),
        );
      }
    },
  );

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
