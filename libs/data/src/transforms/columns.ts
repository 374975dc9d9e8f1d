import type { SampleSpec } from "@anneal/sources";

/** Numbers in the last dimension of a sample: columns of a table's row, channels of an image. Scalars have one. */
export function numColumns({ shape }: SampleSpec): number {
  return shape.length === 0 ? 1 : (shape.at(-1) ?? 1);
}

/** For each column whether it is meant. Throws for a column that there is not. */
export function chosenColumns(name: string, columns: readonly number[] | undefined, input: SampleSpec): boolean[] {
  const count = numColumns(input);
  const wrong = columns?.find((column) => !Number.isInteger(column) || column < 0 || column >= count);
  if (wrong !== undefined) throw new Error(`${name}: there is no column ${wrong}; a sample has ${count}`);
  return Array.from({ length: count }, (_, column) => columns === undefined || columns.includes(column));
}
