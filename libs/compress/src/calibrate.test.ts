import { calibrationMethods } from "@anneal/contracts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { calibrate, percentileRange } from "./calibrate.ts";
import { Histogram } from "./histogram.ts";

function histogramOf(values: Iterable<number>): Histogram {
  const histogram = new Histogram();
  histogram.add(Float32Array.from(values));
  return histogram;
}

/** Values of a normal distribution, the same ones each time (Box and Muller 1958). */
function normal(length: number, salt = 0): number[] {
  const uniform = (index: number) => {
    const size = Math.sin(index * 12.9898 + salt * 3.7) * 43758.5453;
    return Math.min(0.999999, Math.max(1e-6, size - Math.floor(size)));
  };
  return Array.from(
    { length },
    (_, index) => Math.sqrt(-2 * Math.log(uniform(2 * index + 1))) * Math.cos(2 * Math.PI * uniform(2 * index + 2)),
  );
}

describe.each(calibrationMethods)("%s", (method) => {
  test("a range lies within what was seen", () => {
    const values = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(values, (seen) => {
        const { min, max } = calibrate[method](histogramOf(seen));
        expect(min).toBeGreaterThanOrEqual(Math.min(...seen));
        expect(max).toBeLessThanOrEqual(Math.max(...seen));
        expect(max).toBeGreaterThanOrEqual(min);
      }),
      { numRuns: 40 },
    );
  });

  test("of nothing but zeros it is zero", () => {
    expect(calibrate[method](histogramOf([0, 0]))).toEqual({ min: 0, max: 0 });
  });

  test("values that fill it evenly are all kept", () => {
    const { min, max } = calibrate[method](
      histogramOf(Array.from({ length: 40_000 }, (_, index) => index / 20_000 - 1)),
    );
    expect(min).toBeLessThan(-0.97);
    expect(max).toBeGreaterThan(0.97);
  });
});

test("minmax takes the ends", () => {
  expect(calibrate.minmax(histogramOf([-3, 0.25, 100]))).toEqual({ min: -3, max: 100 });
});

test("a percentile leaves out a share at each end, whatever the rest is", () => {
  const seen = Array.from({ length: 1000 }, (_, index) => index);
  const { min, max } = percentileRange(histogramOf(seen), 0.01);
  expect(min).toBeGreaterThanOrEqual(9.5);
  expect(min).toBeLessThanOrEqual(10);
  expect(max).toBeGreaterThanOrEqual(989);
  expect(max).toBeLessThanOrEqual(990);
});

test.each(["percentile", "entropy"] as const)("%s cuts off a few values that are far away", (method) => {
  const { max } = calibrate[method](histogramOf([...normal(100_000), 300, 200]));
  expect(max).toBeLessThan(30);
  expect(max).toBeGreaterThan(1.5);
});

test("entropy takes no notice of how many zeros there are", () => {
  const values = normal(50_000).map((value) => Math.max(0, value));
  const filled = values.filter((value) => value !== 0);
  expect(calibrate.entropy(histogramOf(values))).toEqual({ min: 0, max: calibrate.entropy(histogramOf(filled)).max });
  expect(calibrate.entropy(histogramOf(values)).max).toBeGreaterThan(2.5);
});
