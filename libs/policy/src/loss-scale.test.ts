import { type LossScale, policySchema } from "@anneal/contracts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { initialLossScale, largestLossScale, leastLossScale, nextLossScale } from "./loss-scale.ts";

const policyOf = (lossScale: object = {}) => policySchema.parse({ lossScale }).lossScale;
const after = (steps: readonly boolean[], start: LossScale, growthInterval: number) =>
  steps.reduce((state, wasFinite) => nextLossScale(state, wasFinite, { growthInterval }), start);

describe("the loss scale", () => {
  test("grows after so many finite steps in a row, and backs off at once", () => {
    const start = initialLossScale(policyOf({ initial: 1_024 }));
    expect(start).toEqual({ scale: 1_024, numGoodSteps: 0, numSkippedSteps: 0 });
    expect(after([true, true], start, 3)).toEqual({ scale: 1_024, numGoodSteps: 2, numSkippedSteps: 0 });
    expect(after([true, true, true], start, 3)).toEqual({ scale: 2_048, numGoodSteps: 0, numSkippedSteps: 0 });
    expect(after([true, true, false, true], start, 3)).toEqual({ scale: 512, numGoodSteps: 1, numSkippedSteps: 1 });
  });

  test("must begin as a power of two", () => {
    expect(policyOf()).toEqual({ initial: 2 ** 15, growthInterval: 2_000 });
    for (const initial of [3, 1.5, 1_000]) expect(() => policyOf({ initial })).toThrow(/power of two/);
  });

  const steps = fc.array(fc.boolean(), { maxLength: 200 });
  const starts = fc.integer({ min: 0, max: 24 }).map((power) => initialLossScale(policyOf({ initial: 2 ** power })));
  const intervals = fc.integer({ min: 1, max: 20 });

  test("is a power of two within its bounds, and every step is counted", () => {
    fc.assert(
      fc.property(steps, starts, intervals, (taken, start, growthInterval) => {
        const { scale, numGoodSteps, numSkippedSteps } = after(taken, start, growthInterval);
        expect(Number.isInteger(Math.log2(scale))).toBe(true);
        expect(scale).toBeGreaterThanOrEqual(leastLossScale);
        expect(scale).toBeLessThanOrEqual(largestLossScale);
        expect(numSkippedSteps).toBe(taken.filter((wasFinite) => !wasFinite).length);
        const lastSkipped = taken.lastIndexOf(false);
        expect(numGoodSteps).toBe((taken.length - 1 - lastSkipped) % growthInterval);
      }),
    );
  });

  test("goes on from its state: cutting a training anywhere changes nothing", () => {
    fc.assert(
      fc.property(steps, starts, intervals, fc.nat(200), (taken, start, growthInterval, cut) => {
        const recorded = JSON.parse(JSON.stringify(after(taken.slice(0, cut), start, growthInterval))) as LossScale;
        expect(after(taken.slice(cut), recorded, growthInterval)).toEqual(after(taken, start, growthInterval));
      }),
    );
  });

  test("reaches its floor after as many skipped steps as it has powers of two, and stays", () => {
    fc.assert(
      fc.property(starts, intervals, fc.nat(5), (start, growthInterval, more) => {
        const numSteps = Math.log2(start.scale) + more;
        expect(after(Array(numSteps).fill(false), start, growthInterval).scale).toBe(leastLossScale);
      }),
    );
  });
});
