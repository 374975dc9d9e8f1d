import type { SampleSpec } from "@anneal/sources";
import type { Learner, Transform } from "../transform.ts";
import { byColumn, type Columns, chosenColumns, eachNumber, numColumns } from "./columns.ts";

export interface StandardiseOptions {
  /** Places in the last dimension, or names of a table's columns; by default all. */
  readonly columns?: Columns;
}

export interface ColumnMoments {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Mean and deviation of each column over all numbers that are not missing, by Welford's method in float64 (Technometrics 4:3, 1962). */
export function learnStandardise(options: StandardiseOptions, input: SampleSpec): Learner<ColumnMoments> {
  const count = numColumns(input);
  chosenColumns("standardise", options.columns, input);
  const [counts, means, squares] = [0, 0, 0].map(() => new Float64Array(count)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const addNumber = (value: number, column: number): void => {
    counts[column]! += 1;
    const difference = value - means[column]!;
    means[column]! += difference / counts[column]!;
    squares[column]! += difference * (value - means[column]!);
  };
  return {
    add: (sample) => eachNumber(sample, count, addNumber),
    state: () => ({
      mean: [...means],
      // A column that never changes is only moved.
      std: Array.from(squares, (square, column) => Math.sqrt(square / Math.max(1, counts[column]!)) || 1),
    }),
  };
}

/** (x - mean) / std by column, in float32. What is missing (NaN) stays so. */
export function createStandardise(
  options: StandardiseOptions,
  input: SampleSpec,
  { mean, std }: ColumnMoments,
): Transform {
  const isChosen = chosenColumns("standardise", options.columns, input);
  return byColumn(input, {
    fillings: mean.map(() => Number.NaN),
    offsets: mean.map((value, column) => (isChosen[column] ? value : 0)),
    factors: std.map((value, column) => (isChosen[column] ? 1 / value : 1)),
  });
}
