import type { SampleSpec, TypedArray } from "@anneal/sources";
import type { Transform } from "../transform.ts";

/** Columns by their places in the last dimension, from 0, or by their names, where the samples come from a table. */
export type Columns = readonly (number | string)[];

/** Numbers in the last dimension of a sample: columns of a table's row, channels of an image. Scalars have one. */
export function numColumns({ shape }: SampleSpec): number {
  return shape.length === 0 ? 1 : (shape.at(-1) ?? 1);
}

/** What the columns are called; null where they have no names, or a transform made others and did not say what they are. */
export function columnNames(input: SampleSpec): readonly string[] | null {
  const names = "columns" in input ? input.columns : undefined;
  return names?.length === numColumns(input) ? names : null;
}

/** For each column whether it is meant; all are where none is given. Throws for a column that there is not. */
export function chosenColumns(transform: string, columns: Columns | undefined, input: SampleSpec): boolean[] {
  const count = numColumns(input);
  const names = columnNames(input);
  const places = columns?.map((column) => {
    const place = typeof column === "number" ? column : (names?.indexOf(column) ?? -1);
    if (Number.isInteger(place) && place >= 0 && place < count) return place;
    throw new Error(`${transform}: there is no column ${JSON.stringify(column)}; ${existing(count, names)}`);
  });
  return Array.from({ length: count }, (_, column) => places === undefined || places.includes(column));
}

const maxNamed = 20;

function existing(count: number, names: readonly string[] | null): string {
  if (names === null) return `a sample has ${count}, without names`;
  const more = count > maxNamed ? `, and ${count - maxNamed} more` : "";
  return `a sample has ${count}: ${names.slice(0, maxNamed).join(", ")}${more}`;
}

/** Hands on each number of a sample that is not missing (NaN), with its column. */
export function eachNumber(sample: TypedArray, count: number, add: (value: number, column: number) => void): void {
  for (let i = 0; i < sample.length; ) {
    for (let column = 0; column < count && i < sample.length; column++, i++) {
      const value = sample[i]!;
      if (!Number.isNaN(value)) add(value, column);
    }
  }
}

/** What becomes of the numbers of each column: (x - offset) * factor, where x is `filling` in place of what is missing. */
export interface ColumnRules {
  readonly fillings: readonly number[];
  readonly offsets: readonly number[];
  readonly factors: readonly number[];
}

/** A transform by column, in float32 of the same shape. */
export function byColumn(input: SampleSpec, rules: ColumnRules): Transform {
  const count = numColumns(input);
  const [fillings, offsets, factors] = [rules.fillings, rules.offsets, rules.factors].map((values) =>
    Float64Array.from(values),
  ) as [Float64Array, Float64Array, Float64Array];
  return {
    output: { ...input, dtype: "float32" },
    apply(source, target) {
      for (let i = 0; i < source.length; ) {
        for (let column = 0; column < count; column++, i++) {
          const value = source[i]!;
          const known = Number.isNaN(value) ? fillings[column]! : value;
          target[i] = (known - offsets[column]!) * factors[column]!;
        }
      }
    },
  };
}
