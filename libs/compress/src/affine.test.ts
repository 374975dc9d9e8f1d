import fc from "fast-check";
import { expect, test } from "vitest";
import { affineFormatOf, fromWhole, toWhole } from "./affine.ts";

const finite = fc.float({ min: -1e6, max: 1e6, noNaN: true, noDefaultInfinity: true });
const ranges = fc.tuple(finite, finite).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) }));

test("a value within the range comes back within half a step, or one where the ends were rounded", () => {
  fc.assert(
    fc.property(ranges, fc.double({ min: 0, max: 1, noNaN: true }), (range, share) => {
      const format = affineFormatOf(range);
      const value = range.min + share * (range.max - range.min);
      const back = fromWhole(toWhole(value, format), format);
      expect(Math.abs(back - value)).toBeLessThanOrEqual(format.scale * 1.001);
    }),
  );
});

test("zero is held as it is, also by a range without it", () => {
  fc.assert(
    fc.property(ranges, (range) => {
      const format = affineFormatOf(range);
      expect(fromWhole(toWhole(0, format), format)).toBe(0);
      expect(format.zeroPoint).toBeGreaterThanOrEqual(0);
      expect(format.zeroPoint).toBeLessThanOrEqual(255);
      expect(format.scale).toBeGreaterThan(0);
    }),
  );
});

test("what lies outside is brought to the ends", () => {
  const format = affineFormatOf({ min: 0, max: 2.55 });
  expect([toWhole(-5, format), toWhole(9, format)]).toEqual([0, 255]);
});

test.each([
  [
    { min: 0, max: 2.55 },
    { scale: Math.fround(0.01), zeroPoint: 0 },
  ],
  [
    { min: -1, max: 1 },
    { scale: Math.fround(2 / 255), zeroPoint: 127 },
  ],
  [
    { min: -2.55, max: 0 },
    { scale: Math.fround(0.01), zeroPoint: 255 },
  ],
  [
    { min: 0, max: 0 },
    { scale: 1, zeroPoint: 0 },
  ],
])("the format of %j", (range, format) => {
  expect(affineFormatOf(range)).toEqual(format);
});
