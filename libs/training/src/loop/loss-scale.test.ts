import { type Policy, policySchema } from "@anneal/contracts";
import { afterEach, describe, expect, test } from "vitest";
import { EagerEngine } from "../engine/eager-engine.ts";
import type { Batch, StepScalars, TrainedSums } from "../engine/step-engine.ts";
import { digestOf, totalSteps, trainInPieces } from "../test-support/pieces.ts";
import { testTensorflow } from "../test-support/tensorflow.ts";

/** Its steps overflow above a scale, as those of float16 do. */
class OverflowingEngine extends EagerEngine {
  limit = 100;
  readonly scales: (number | undefined)[] = [];

  override trainBatches(batches: readonly Batch[], scalars: readonly StepScalars[]): readonly TrainedSums[] {
    expect(batches).toHaveLength(1);
    const { lossScale, step } = scalars[0]!;
    this.scales.push(lossScale);
    if ((lossScale ?? 1) <= this.limit) return super.trainBatches(batches, scalars);
    return [{ ...this.evaluateBatch(batches[0]!, step), isSkipped: true }];
  }
}

const engine = new OverflowingEngine(testTensorflow());
afterEach(() => {
  engine.dispose();
  engine.limit = 100;
  engine.scales.length = 0;
});

const lossScale: Policy["lossScale"] = policySchema.parse({ lossScale: { initial: 512, growthInterval: 4 } }).lossScale;
const train = (interruptions: Parameters<typeof trainInPieces>[1] = [], limit = 100) => {
  engine.limit = limit;
  engine.scales.length = 0;
  return trainInPieces(engine, interruptions, { lossScale, stepsPerCall: 3, engineOptions: { scalesLoss: true } });
};

describe("a loop whose loss is scaled", () => {
  test("halves the scale at steps that overflow, doubles it after some that do not, and counts", () => {
    const { last, saved } = train();
    expect(engine.scales).toEqual([512, 256, 128, 64, 64, 64, 64, 128, 64, 64, 64, 64]);
    expect(last.loop).toMatchObject({
      step: totalSteps,
      lossScale: { scale: 128, numGoodSteps: 0, numSkippedSteps: 4 },
      // What was skipped is no update.
      optimizer: { t: totalSteps - 4 },
    });
    // Of every sample: a skipped step has seen its batch.
    expect(saved.map(({ loop }) => loop.history.at(-1)!.train.loss! > 0)).toEqual([true, true, true]);
  });

  test.each([
    ["at every step", Array.from({ length: 11 }, () => ({ afterItems: 1 }))],
    ["between skipped steps", [{ afterItems: 2 }, { afterItems: 6 }]],
  ])("ends with the same bits when stopped and resumed %s", (_name, interruptions) => {
    const expected = digestOf(train().last);
    expect(digestOf(train(interruptions).last)).toBe(expected);
  });

  test("has the bits of one that is not, where nothing overflows", () => {
    const { last } = train([], Number.POSITIVE_INFINITY);
    const plain = trainInPieces(engine, [], {});
    expect(engine.scales.slice(-totalSteps)).toEqual(Array(totalSteps).fill(undefined));
    expect(last.loop.lossScale).toEqual({ scale: 4_096, numGoodSteps: 0, numSkippedSteps: 0 });
    expect(plain.last.loop.lossScale).toBeUndefined();
    const { lossScale: _, ...loop } = last.loop;
    expect(digestOf({ ...last, loop })).toBe(digestOf(plain.last));
  });
});
