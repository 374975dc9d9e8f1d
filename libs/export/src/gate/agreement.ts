import type { DifferenceBound, ExportPrecision, OutputDifference } from "@anneal/contracts";

/**
 * How far a file's outputs may be from the model's. In float32 another order of sums is all that differs; of float16 the last of 11 digits
 * are lost in every layer; of 8 bits, where a few outputs may be far away, the whole has to be near.
 */
export const differenceBounds: Readonly<Record<ExportPrecision, DifferenceBound>> = {
  float32: { largest: 1e-4, rootMeanSquare: null },
  float16: { largest: 2e-2, rootMeanSquare: 5e-3 },
  int8: { largest: null, rootMeanSquare: 0.15 },
  "int8-weights": { largest: null, rootMeanSquare: 0.1 },
};

/**
 * How far two lists of outputs are apart. Both hold `numSamples` samples, one after another.
 *
 * @param areClasses whether each output of a sample is the score of a class
 */
export function compareOutputs(
  expected: Float32Array,
  actual: Float32Array,
  { numSamples, areClasses }: { readonly numSamples: number; readonly areClasses: boolean },
): OutputDifference {
  if (expected.length !== actual.length) return { largest: Infinity, rootMeanSquare: Infinity, sameClass: null };
  let largest = 0;
  let squares = 0;
  let differences = 0;
  for (let index = 0; index < expected.length; index++) {
    const [a, b] = [expected[index]!, actual[index]!];
    const difference = Object.is(a, b) ? 0 : Math.abs(a - b);
    // One that is not finite, alone, is as far as can be.
    largest = Math.max(largest, Number.isFinite(difference) ? difference : Infinity);
    differences += difference * difference;
    squares += a * a;
  }
  const size = Math.sqrt(squares / Math.max(1, expected.length));
  return {
    largest: largest === 0 ? 0 : largest / Math.max(size, Number.MIN_VALUE),
    rootMeanSquare: differences === 0 ? 0 : Math.sqrt(differences / Math.max(squares, Number.MIN_VALUE)),
    sameClass: areClasses ? shareOfSameClass(expected, actual, numSamples) : null,
  };
}

export function isWithin({ largest, rootMeanSquare }: OutputDifference, bound: DifferenceBound): boolean {
  // Written so that what is no number is outside.
  const holds = (value: number, limit: number | null) => limit === null || value <= limit;
  return holds(largest, bound.largest) && holds(rootMeanSquare, bound.rootMeanSquare);
}

function shareOfSameClass(expected: Float32Array, actual: Float32Array, numSamples: number): number {
  const size = expected.length / numSamples;
  const best = (values: Float32Array, sample: number) => {
    const scores = values.subarray(sample * size, (sample + 1) * size);
    return scores.indexOf(scores.reduce((most, score) => Math.max(most, score), -Infinity));
  };
  let numSame = 0;
  for (let sample = 0; sample < numSamples; sample++) if (best(expected, sample) === best(actual, sample)) numSame += 1;
  return numSame / numSamples;
}
