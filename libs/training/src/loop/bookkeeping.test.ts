import type { LoopState } from "@anneal/contracts";
import { describe, expect, test } from "vitest";
import {
  addBatch,
  closeEpoch,
  currentMetrics,
  emptyAccumulator,
  initialLoopState,
  type MonitorRules,
  meansOf,
  validationIsPending,
} from "./bookkeeping.ts";

const rules: MonitorRules = {
  metric: "validation/accuracy",
  direction: "maximize",
  earlyStopping: { patience: 2, minDelta: 0.01 },
};

/** The states after epochs of one batch each, with these accuracies on the validation data. */
function epochs(values: readonly number[], changed: Partial<MonitorRules> = {}): LoopState[] {
  let state = initialLoopState({ t: 0 });
  return values.map((value, index) => {
    const accumulator = addBatch(state.accumulator, { numSamples: 4, sums: { loss: 8, accuracy: 2 } });
    state = { ...state, step: (index + 1) * 10, accumulator };
    const validation = addBatch(emptyAccumulator, { numSamples: 10, sums: { loss: 1, accuracy: value * 10 } });
    state = closeEpoch(state, validation, { ...rules, ...changed });
    return state;
  });
}

describe("accumulators", () => {
  test("give means over samples, whatever the batches' sizes", () => {
    const first = addBatch(emptyAccumulator, { numSamples: 3, sums: { loss: 6 } });
    expect(meansOf(addBatch(first, { numSamples: 1, sums: { loss: 2 } }))).toEqual({ loss: 2 });
    expect(meansOf(emptyAccumulator)).toEqual({});
  });

  test("survive JSON bit for bit", () => {
    let sums = emptyAccumulator;
    for (let batch = 1; batch < 50; batch++)
      sums = addBatch(sums, { numSamples: batch, sums: { loss: Math.fround(1 / batch) } });
    const copy = JSON.parse(JSON.stringify(sums)) as typeof sums;
    expect(addBatch(copy, { numSamples: 1, sums: { loss: 0.1 } })).toEqual(
      addBatch(sums, { numSamples: 1, sums: { loss: 0.1 } }),
    );
  });
});

test("a validation is pending between an epoch's last step and its end", () => {
  const phases = [
    { phase: "train", numSamples: 40 },
    { phase: "validation", numSamples: 10 },
  ] as const;
  const trained = addBatch(emptyAccumulator, { numSamples: 40, sums: { loss: 1 } });
  const state = { ...initialLoopState({}), step: 10, accumulator: trained };
  expect(validationIsPending(state, { phases }, 10)).toBe(true);
  expect(validationIsPending({ ...state, step: 9 }, { phases }, 10)).toBe(false);
  expect(validationIsPending(state, { phases: phases.slice(0, 1) }, 10)).toBe(false);
  expect(validationIsPending(closeEpoch(state, trained, rules), { phases }, 10)).toBe(false);
  expect(validationIsPending(initialLoopState({}), { phases }, 10)).toBe(false);
});

describe("closing an epoch", () => {
  test("records it and starts the sums anew", () => {
    const [state] = epochs([0.5]);
    expect(state).toMatchObject({
      epoch: 1,
      accumulator: { numSamples: 0, sums: {} },
      history: [{ epoch: 1, step: 10, train: { loss: 2, accuracy: 0.5 }, validation: { loss: 0.1, accuracy: 0.5 } }],
      best: { metric: "validation/accuracy", value: 0.5, step: 10 },
    });
    expect(currentMetrics(state!)).toEqual({
      loss: 2,
      accuracy: 0.5,
      "validation/loss": 0.1,
      "validation/accuracy": 0.5,
    });
  });

  test("keeps the best by its direction, the first of equals", () => {
    const maximized = epochs([0.5, 0.8, 0.8, 0.7]).at(-1)!;
    expect(maximized.best).toMatchObject({ value: 0.8, step: 20 });
    const minimized = epochs([0.5, 0.8, 0.4], { direction: "minimize" }).at(-1)!;
    expect(minimized.best).toMatchObject({ value: 0.4, step: 30 });
  });

  test("stops after `patience` epochs that gain no more than `minDelta`", () => {
    expect(epochs([0.5, 0.505, 0.509]).map(({ stoppedEarly }) => stoppedEarly)).toEqual([false, false, true]);
    expect(epochs([0.5, 0.4, 0.6, 0.5, 0.5]).map(({ stoppedEarly }) => stoppedEarly)).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
    expect(epochs([0.5, 0.4, 0.3, 0.2], { earlyStopping: null }).some(({ stoppedEarly }) => stoppedEarly)).toBe(false);
  });

  test("a value that is no number is never best", () => {
    const states = epochs([Number.NaN, 0.1]);
    expect(states[0]!.best).toBeNull();
    expect(states[1]!.best).toMatchObject({ value: 0.1 });
  });
});
