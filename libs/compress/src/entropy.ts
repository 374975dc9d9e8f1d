import type { ValueRange } from "./affine.ts";
import type { Histogram } from "./histogram.ts";

/** Thresholds that are tried. */
const numTried = 256;
/** Stands for a probability of zero, of which there is no logarithm. */
const least = 1e-9;

/**
 * The range within which 8 bits lose the least information: that of the threshold at which the values' distribution, clipped, is nearest to the same in
 * as many steps as the format has, by the divergence of Kullback and Leibler (Migacz 2017, "8-bit Inference with TensorRT").
 */
export function entropyRange(seen: Histogram): ValueRange {
  const { min, max } = seen.range;
  if (seen.reach === 0) return { min, max };
  // Without zeros, which every range holds exactly: they would outweigh all that has to be told apart.
  const sizes = seen.sizes();
  const numBins = Math.min(sizes.length, Math.ceil(Math.max(-min, max) / seen.binWidth) || 1);
  // Values of both signs share the format's steps.
  const numSteps = min < 0 && max > 0 ? 128 : 256;
  const stride = Math.max(1, Math.floor((numBins - numSteps) / numTried));
  let best = { length: numBins, divergence: Number.POSITIVE_INFINITY };
  // From the largest on, so that of equals nothing is cut off.
  for (let length = numBins; length >= Math.min(numSteps, numBins); length -= stride) {
    const divergence = divergenceOf(sizes, length, numSteps);
    if (divergence < best.divergence) best = { length, divergence };
  }
  const threshold = best.length === numBins ? Math.max(-min, max) : best.length * seen.binWidth;
  return { min: Math.max(min, -threshold), max: Math.min(max, threshold) };
}

/** How far the first `length` bins, with all further values in the last, are from themselves in `numSteps` steps. */
function divergenceOf(sizes: Float64Array, length: number, numSteps: number): number {
  let [total, within] = [0, 0];
  for (let bin = 0; bin < sizes.length; bin++) {
    total += sizes[bin]!;
    if (bin < length) within += sizes[bin]!;
  }
  if (within === 0) return Number.POSITIVE_INFINITY;
  let divergence = 0;
  for (let step = 0; step < numSteps; step++) {
    const from = Math.floor((step * length) / numSteps);
    const to = Math.floor(((step + 1) * length) / numSteps);
    let [sum, numFilled] = [0, 0];
    for (let bin = from; bin < to; bin++) {
      sum += sizes[bin]!;
      if (sizes[bin]! > 0) numFilled += 1;
    }
    // A step knows nothing of where within it its values were.
    const even = numFilled === 0 ? 0 : sum / numFilled / within;
    for (let bin = from; bin < to; bin++) {
      const count = sizes[bin]! + (bin === length - 1 ? total - within : 0);
      if (count > 0)
        divergence += (count / total) * Math.log(count / total / Math.max(sizes[bin]! > 0 ? even : 0, least));
    }
  }
  return divergence;
}
