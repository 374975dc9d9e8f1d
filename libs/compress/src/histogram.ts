import type { ValueRange } from "./affine.ts";

const halfBins = 4096;

/**
 * Counts values that come part by part, whatever their size: bins lie evenly from `-reach` to `reach`, and where a value is larger, the reach doubles and
 * each two bins become one. Parts of any size, in any order, give the same counts.
 */
export class Histogram {
  /** From `-reach` to `reach`. */
  counts = new Float64Array(2 * halfBins);
  /** A power of two above every value's size; 0 while all values were zero. */
  reach = 0;
  numValues = 0;
  /** Values that are zero, as most are after some activations. */
  numZeros = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  /** @throws RangeError for a value that is not finite */
  add(values: Float32Array): void {
    if (values.length === 0) return;
    const { min, max } = endsOf(values);
    if (!Number.isFinite(min) || !Number.isFinite(max)) throw new RangeError("a value is not finite");
    this.#reachTo(Math.max(-min, max));
    this.#min = Math.min(this.#min, min);
    this.#max = Math.max(this.#max, max);
    this.numValues += values.length;
    const perBin = this.reach === 0 ? 0 : halfBins / this.reach;
    for (const value of values) {
      this.counts[Math.floor(value * perBin) + halfBins]! += 1;
      if (value === 0) this.numZeros += 1;
    }
  }

  /** The smallest and the largest value; zero alone where there was none. */
  get range(): ValueRange {
    return this.numValues === 0 ? { min: 0, max: 0 } : { min: this.#min, max: this.#max };
  }

  get binWidth(): number {
    return this.reach / halfBins;
  }

  /** Where a bin begins. */
  startOf(bin: number): number {
    return (bin - halfBins) * this.binWidth;
  }

  /** Counts of the sizes of values that are not zero: bin `i` has those from `i` to `i + 1` times the bin's width. */
  sizes(): Float64Array {
    const sizes = new Float64Array(halfBins);
    for (let bin = 0; bin < halfBins; bin++)
      sizes[bin] = this.counts[halfBins + bin]! + this.counts[halfBins - 1 - bin]!;
    sizes[0]! -= this.numZeros;
    return sizes;
  }

  #reachTo(size: number): void {
    if (size < this.reach || size === 0) return;
    // Zeros lie in the same bin, whatever the reach.
    if (this.reach === 0) this.reach = powerOfTwoAbove(size);
    while (this.reach <= size) {
      this.reach *= 2;
      this.counts = halved(this.counts);
    }
  }
}

function powerOfTwoAbove(size: number): number {
  let power = 2 ** Math.floor(Math.log2(size));
  // A logarithm is rounded.
  while (power > size) power /= 2;
  while (power <= size) power *= 2;
  return power;
}

/** The same counts in bins of twice the width. */
function halved(counts: Float64Array): Float64Array<ArrayBuffer> {
  const result = new Float64Array(2 * halfBins);
  for (let bin = 0; bin < 2 * halfBins; bin++) {
    result[(bin + halfBins) >> 1]! += counts[bin]!;
  }
  return result;
}

function endsOf(values: Float32Array): ValueRange {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    // Written so that what is no number shows.
    if (!(value >= min)) min = value;
    if (!(value <= max)) max = value;
  }
  return { min, max };
}
