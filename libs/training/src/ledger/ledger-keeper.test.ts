import type { Ledger, ShadowLoss } from "@anneal/contracts";
import { afterEach, expect, test } from "vitest";
import { createEngine } from "../engine/create-engine.ts";
import type { EngineOptions } from "../engine/step-engine.ts";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyBatch, tinyOptions } from "../test-support/tiny.ts";
import { LedgerKeeper } from "./ledger-keeper.ts";
import { mergeLedger } from "./merge-ledger.ts";

const engine = createEngine.compiled(testTensorflow());
afterEach(() => engine.dispose());

const memory = {
  slot: [
    { dtype: "float32", numBytes: 1_152 },
    { dtype: "int32", numBytes: 32 },
  ],
  numSlots: 4,
  numFilled: () => 4,
};

/** Trains from one step to another, and says what was seen. */
function seen(from: number, to: number, options: Partial<EngineOptions> = {}, totalSteps = 1_000) {
  engine.prepare(tinyOptions(options));
  const keeper = new LedgerKeeper({ engine, batchSize: 8, totalSteps });
  const watched = keeper.watch(memory);
  for (let step = from; step < to; step++) watched.trainBatches([tinyBatch(step)], [{ step, learningRate: 0.01 }]);
  return keeper.takeNews();
}

test("one step is recorded once all is in place, or the last one that there is", () => {
  expect(seen(0, 19)).toEqual({ recorded: null, shadowLosses: [] });
  const { recorded } = seen(0, 25);
  expect(recorded).toMatchObject({ step: 19, precision: "float32", ranIn: "float32" });
  expect(recorded!.tensors).toContainEqual({ class: "batches", dtype: "float32", numBytes: 4_608, bytesAtPeak: 4_608 });
  expect(seen(0, 3, {}, 3).recorded).toMatchObject({ step: 2 });
});

test("losses in float32 are taken at the first step, at the recorded one and every 500 steps, in other formats alone", () => {
  const stepsOf = ({ shadowLosses }: { readonly shadowLosses: readonly ShadowLoss[] }) =>
    shadowLosses.map(({ step }) => step);
  expect(stepsOf(seen(0, 25))).toEqual([]);
  const { recorded, shadowLosses } = seen(0, 25, { precision: "bfloat16" });
  expect(recorded!.precision).toBe("bfloat16");
  expect(stepsOf({ shadowLosses })).toEqual([0, 19]);
  for (const { loss, float32Loss, relativeDifference } of shadowLosses) {
    expect(relativeDifference).toBeCloseTo(Math.abs(loss - float32Loss) / float32Loss);
    expect(relativeDifference).toBeLessThan(0.05);
  }
  expect(stepsOf(seen(490, 515, { precision: "bfloat16" }))).toEqual([500, 509]);
});

const shadow = (step: number): ShadowLoss => ({
  step,
  loss: 1 / 3 + step,
  float32Loss: 2 / 3 + step,
  relativeDifference: 1 / 3,
});

const recorded: Omit<Ledger, "shadowLosses"> = {
  step: 19,
  precision: "bfloat16",
  ranIn: "bfloat16",
  productShare: 2 / 3,
  timeShares: { bfloat16: 1 / 3 },
  stepMilliseconds: 10 / 3,
  tensors: [],
  kernels: [],
  memory: null,
};

test("a run's ledger goes on from process to process; steps that are done anew are compared anew", () => {
  expect(mergeLedger(null, { recorded: null, shadowLosses: [] })).toBeNull();
  const first = mergeLedger(null, { recorded, shadowLosses: [shadow(0), shadow(500), shadow(1_000)] })!;
  expect(first).toMatchObject({ productShare: 0.6667, stepMilliseconds: 3.333, timeShares: { bfloat16: 0.3333 } });
  expect(mergeLedger(first, { recorded: null, shadowLosses: [] })).toBe(first);
  const resumed = mergeLedger(first, {
    recorded: { ...recorded, step: 719 },
    shadowLosses: [shadow(719), shadow(1_000)],
  })!;
  expect(resumed.step).toBe(719);
  expect(resumed.shadowLosses.map(({ step }) => step)).toEqual([0, 500, 719, 1_000]);
  const many = mergeLedger(resumed, {
    recorded,
    shadowLosses: Array.from({ length: 40 }, (_, index) => shadow(2_000 + index)),
  });
  expect(many!.shadowLosses).toHaveLength(16);
  expect(many!.shadowLosses.at(-1)!.step).toBe(2_039);
});
