import type { SampleSpec } from "@anneal/sources";
import type { Learner, Transform } from "../transform.ts";
import { chosenColumns, numColumns } from "./columns.ts";

export interface FillMissingOptions {
  /** What a missing number becomes: the column's mean, its most frequent value, or this. */
  readonly with: "mean" | "mostFrequent" | number;
  /** Places in the last dimension; by default all. */
  readonly columns?: readonly number[];
}

/** Values of each column that stand for what is missing. */
export interface Fillings {
  readonly values: readonly number[];
}

/** Different values of a column that are counted: a column with more has no value that is frequent. */
const maxDifferent = 100_000;

export function learnFillMissing(options: FillMissingOptions, input: SampleSpec): Learner<Fillings> {
  const columns = numColumns(input);
  chosenColumns("fillMissing", options.columns, input);
  const sums = new Float64Array(columns);
  const counts = new Float64Array(columns);
  const frequencies = Array.from({ length: columns }, () => new Map<number, number>());
  const isCounting = options.with === "mostFrequent";
  return {
    add(sample) {
      for (let i = 0; i < sample.length; i++) {
        const value = sample[i]!;
        if (Number.isNaN(value)) continue;
        const column = i % columns;
        sums[column]! += value;
        counts[column]! += 1;
        if (isCounting) count(frequencies[column]!, value);
      }
    },
    state: () => ({
      values: Array.from(sums, (sum, column) => {
        if (typeof options.with === "number") return options.with;
        // Of a column that has no number at all there is nothing to learn.
        if (counts[column] === 0) return 0;
        return isCounting ? mostFrequent(frequencies[column]!) : sum / counts[column]!;
      }),
    }),
  };
}

/** Missing numbers (NaN) replaced by column, in float32. */
export function createFillMissing(options: FillMissingOptions, input: SampleSpec, { values }: Fillings): Transform {
  const columns = numColumns(input);
  const isChosen = chosenColumns("fillMissing", options.columns, input);
  return {
    output: { ...input, dtype: "float32" },
    apply(source, target) {
      for (let i = 0; i < source.length; i++) {
        const value = source[i]!;
        target[i] = Number.isNaN(value) && isChosen[i % columns] ? values[i % columns]! : value;
      }
    },
  };
}

function count(frequencies: Map<number, number>, value: number): void {
  const known = frequencies.get(value);
  if (known === undefined && frequencies.size >= maxDifferent) return;
  frequencies.set(value, (known ?? 0) + 1);
}

/** The smallest of those that are as frequent. */
function mostFrequent(frequencies: ReadonlyMap<number, number>): number {
  let [best, most] = [0, 0];
  for (const [value, frequency] of frequencies) {
    if (frequency > most || (frequency === most && value < best)) [best, most] = [value, frequency];
  }
  return best;
}
