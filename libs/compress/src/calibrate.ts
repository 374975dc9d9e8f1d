import type { CalibrationMethod } from "@anneal/contracts";
import type { ValueRange } from "./affine.ts";
import { entropyRange } from "./entropy.ts";
import type { Histogram } from "./histogram.ts";

/** Share of the values that a percentile leaves out at each end. */
const leftOut = 1e-4;

/** The range that whole numbers are to hold, of the values that were seen. */
export const calibrate: Readonly<Record<CalibrationMethod, (seen: Histogram) => ValueRange>> = {
  minmax: (seen) => seen.range,
  percentile: (seen) => percentileRange(seen, leftOut),
  entropy: entropyRange,
};

/** All values but the share `cut` at each end, to a bin's width. */
export function percentileRange(seen: Histogram, cut: number): ValueRange {
  const { min, max } = seen.range;
  if (seen.reach === 0) return { min, max };
  const most = cut * seen.numValues;
  const first = firstBeyond(seen.counts, most);
  const last = seen.counts.length - 1 - firstBeyond(seen.counts.toReversed(), most);
  return { min: Math.max(min, seen.startOf(first)), max: Math.min(max, seen.startOf(last + 1)) };
}

/** The first bin up to which there are more than so many values. */
function firstBeyond(counts: Float64Array, most: number): number {
  let sum = 0;
  return Math.max(
    0,
    counts.findIndex((count) => {
      sum += count;
      return sum > most;
    }),
  );
}
