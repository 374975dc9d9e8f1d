import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { constant, cosine, warmup } from "./schedules.ts";

const steps = fc.integer({ min: 0, max: 100_000 });
const rates = fc.double({ min: 1e-6, max: 1, noNaN: true });

describe("schedules", () => {
  test("a constant is the same at every step", () => {
    fc.assert(fc.property(rates, steps, (rate, step) => constant(rate).at(step) === rate));
  });

  test("a cosine stays between its ends, falls after the warm-up and ends at `final`", () => {
    const options = fc.record({
      peak: rates,
      totalSteps: fc.integer({ min: 10, max: 10_000 }),
      share: fc.double({ min: 0, max: 0.5, noNaN: true }),
    });
    fc.assert(
      fc.property(options, steps, ({ peak, totalSteps, share }, step) => {
        const warmupSteps = Math.floor(share * totalSteps);
        const final = peak / 100;
        const schedule = cosine({ peak, totalSteps, warmupSteps, final });
        const rate = schedule.at(step);
        expect(rate).toBeGreaterThan(0);
        expect(rate).toBeLessThanOrEqual(peak * (1 + 1e-12));
        if (step >= warmupSteps) expect(schedule.at(step + 1)).toBeLessThanOrEqual(rate);
        expect(schedule.at(totalSteps)).toBeCloseTo(final, 12);
        expect(schedule.at(step)).toBe(rate);
      }),
    );
  });

  test("a warm-up grows by equal parts and reaches the first rate of what follows with its last step", () => {
    const schedule = warmup({ warmupSteps: 4, after: 0.8 });
    expect([0, 1, 2, 3, 4, 5].map(schedule.at)).toEqual([0.2, 0.4, 0.6000000000000001, 0.8, 0.8, 0.8]);
  });

  test("a warm-up that a short run does not reach the end of is said to be that", () => {
    expect(() => cosine({ peak: 1, totalSteps: 20, warmupSteps: 50 })).toThrowError(
      expect.objectContaining({
        code: "RECIPE_INVALID",
        message: "cosine: a warm-up of 50 steps is longer than the whole training of 20",
        remedy: expect.stringContaining("--max-steps"),
      }),
    );
  });

  test("options that are out of range are named", () => {
    expect(() => cosine({ peak: -1, totalSteps: 0 })).toThrowError(
      expect.objectContaining({
        code: "RECIPE_INVALID",
        facts: expect.objectContaining({ wrong: "peak, totalSteps" }),
      }),
    );
  });
});
