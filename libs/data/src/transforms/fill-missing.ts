import type { SampleSpec } from "@anneal/sources";
import type { Learner, Transform } from "../transform.ts";
import { byColumn, type Columns, chosenColumns, eachNumber, numColumns } from "./columns.ts";

export interface FillMissingOptions {
  /** What a missing number becomes: the column's mean, its most frequent value, or this. */
  readonly with: "mean" | "mostFrequent" | number;
  /** Places in the last dimension, or names of a table's columns; by default all. */
  readonly columns?: Columns;
}

/** Values of each column that stand for what is missing. */
export interface Fillings {
  readonly values: readonly number[];
}

/** Different values of a column that are counted: a column with more has no value that is frequent. */
const maxDifferent = 100_000;

export function learnFillMissing(options: FillMissingOptions, input: SampleSpec): Learner<Fillings> {
  const numOfThem = numColumns(input);
  chosenColumns("fillMissing", options.columns, input);
  const sums = new Float64Array(numOfThem);
  const counts = new Float64Array(numOfThem);
  const frequencies = Array.from({ length: numOfThem }, () => new Map<number, number>());
  const isCounting = options.with === "mostFrequent";
  const addNumber = (value: number, column: number): void => {
    sums[column]! += value;
    counts[column]! += 1;
    if (isCounting) count(frequencies[column]!, value);
  };
  return {
    add: (sample) => eachNumber(sample, numOfThem, addNumber),
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
  const isChosen = chosenColumns("fillMissing", options.columns, input);
  return byColumn(input, {
    fillings: values.map((value, column) => (isChosen[column] ? value : Number.NaN)),
    offsets: values.map(() => 0),
    factors: values.map(() => 1),
  });
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
