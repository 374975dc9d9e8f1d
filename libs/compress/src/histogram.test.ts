import fc from "fast-check";
import { expect, test } from "vitest";
import { Histogram } from "./histogram.ts";

const values = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 60 });

function histogramOf(...parts: readonly (readonly number[])[]): Histogram {
  const histogram = new Histogram();
  for (const part of parts) histogram.add(Float32Array.from(part));
  return histogram;
}

test("parts of any size, in any order, give the same counts", () => {
  fc.assert(
    fc.property(values, fc.nat(60), (all, at) => {
      const whole = histogramOf(all);
      for (const parts of [
        histogramOf(all.slice(0, at), all.slice(at)),
        histogramOf(all.slice(at), all.slice(0, at)),
      ]) {
        expect(parts.reach).toBe(whole.reach);
        expect(parts.counts).toEqual(whole.counts);
        expect(parts.range).toEqual(whole.range);
      }
    }),
  );
});

test("every value is in a bin that holds it", () => {
  fc.assert(
    fc.property(values, (all) => {
      const histogram = histogramOf(all);
      const { counts } = histogram;
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(all.length);
      for (const value of all) {
        const bin = counts.findIndex(
          (count, index) => count > 0 && histogram.startOf(index) <= value && value <= histogram.startOf(index + 1),
        );
        expect(bin).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});

test("sizes count both signs, and no zeros", () => {
  const sizes = histogramOf([0.5, -0.5, 0.999, 0, 1e-5]).sizes();
  expect(sizes.reduce((sum, count) => sum + count, 0)).toBe(4);
  expect(sizes[0]).toBe(1);
});

test("a value that is not finite is refused", () => {
  expect(() => histogramOf([1, Number.NaN])).toThrow(RangeError);
  expect(() => histogramOf([1, Number.POSITIVE_INFINITY])).toThrow(RangeError);
});
