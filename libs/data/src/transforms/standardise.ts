import type { SampleSpec } from "@anneal/sources";
import type { Learner, Transform } from "../transform.ts";
import { chosenColumns, numColumns } from "./columns.ts";

export interface StandardiseOptions {
  /** Places in the last dimension; by default all. */
  readonly columns?: readonly number[];
}

export interface ColumnMoments {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Mean and deviation of each column over all numbers that are not missing, by Welford's method in float64 (Technometrics 4:3, 1962). */
export function learnStandardise(options: StandardiseOptions, input: SampleSpec): Learner<ColumnMoments> {
  const columns = numColumns(input);
  chosenColumns("standardise", options.columns, input);
  const [counts, means, squares] = [0, 0, 0].map(() => new Float64Array(columns)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  return {
    add(sample) {
      for (let i = 0; i < sample.length; i++) {
        const value = sample[i]!;
        if (Number.isNaN(value)) continue;
        const column = i % columns;
        counts[column]! += 1;
        const difference = value - means[column]!;
        means[column]! += difference / counts[column]!;
        squares[column]! += difference * (value - means[column]!);
      }
    },
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
  const columns = numColumns(input);
  const isChosen = chosenColumns("standardise", options.columns, input);
  const factors = std.map((value, column) => (isChosen[column] ? 1 / value : 1));
  const offsets = mean.map((value, column) => (isChosen[column] ? value : 0));
  return {
    output: { ...input, dtype: "float32" },
    apply(source, target) {
      for (let i = 0; i < source.length; i++) {
        const column = i % columns;
        target[i] = (source[i]! - offsets[column]!) * factors[column]!;
      }
    },
  };
}
