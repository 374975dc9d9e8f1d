import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { median, quantile, relativeSpread, roundRatios } from "./statistics.ts";

const numbers = fc.array(
  fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => value || 0),
  { minLength: 1, maxLength: 40 },
);
const positive = fc.double({ min: 1e-3, max: 1e6, noNaN: true });
const times = fc.array(fc.tuple(positive, positive), {
  minLength: 1,
});

describe("statistics", () => {
  it("a median has as many values below as above, whatever the order", () => {
    fc.assert(
      fc.property(numbers, (values) => {
        const middle = median(values);
        expect(values.filter((value) => value < middle).length).toBeLessThanOrEqual(values.length / 2);
        expect(values.filter((value) => value > middle).length).toBeLessThanOrEqual(values.length / 2);
        expect(median([...values].reverse())).toBe(middle);
      }),
    );
    expect(median([1, 2, 10, 20])).toBe(6);
  });

  it("quantiles grow from the least to the greatest value", () => {
    fc.assert(
      fc.property(numbers, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
        expect(quantile(values, 0)).toBe(Math.min(...values));
        expect(quantile(values, 1)).toBe(Math.max(...values));
        expect(quantile(values, q)).toBeGreaterThanOrEqual(quantile(values, q / 2));
      }),
    );
    expect(quantile([0, 10], 0.25)).toBe(2.5);
    expect(() => median([])).toThrow(RangeError);
  });

  it("a ratio above 1 means better: more is better or less is, and the two sides see reciprocals", () => {
    fc.assert(
      fc.property(times, (pairs) => {
        const ours = pairs.map(([own]) => own);
        const peers = pairs.map(([, peer]) => peer);
        const higher = roundRatios(ours, peers, "higher");
        expect(roundRatios(peers, ours, "lower")).toEqual(higher);
        roundRatios(ours, peers, "lower").forEach((ratio, round) => {
          expect(ratio * (higher[round] ?? 0)).toBeCloseTo(1, 9);
        });
      }),
    );
    expect(roundRatios([200], [100], "higher")).toEqual([2]);
    expect(() => roundRatios([1], [], "lower")).toThrow(RangeError);
  });

  it("a spread is half the range, relative; nothing for one round nor around zero", () => {
    expect(relativeSpread([90, 100, 110])).toBeCloseTo(0.1);
    expect(relativeSpread([5])).toBeNull();
    expect(relativeSpread([-110, -90])).toBeCloseTo(0.1);
    expect(
      [
        [0, 0, 1],
        [-1, 3],
      ].map(relativeSpread),
    ).toEqual([null, null]);
  });
});
