import { type FieldSpec, numElements, type SampleSpec } from "@anneal/sources";
import type { Learner, Transform } from "../transform.ts";
import { type Columns, chosenColumns, columnNames, eachNumber, numColumns } from "./columns.ts";

export interface OneHotOptions {
  /** Places, or names, of the columns that hold categories, as codes from 0. */
  readonly columns: Columns;
}

/** How many categories each column has; 0 for one that is none. */
export interface CategoryCounts {
  readonly counts: readonly number[];
}

/** More columns than this come of a number that was taken for a category. */
const maxCategories = 10_000;

export function learnOneHot({ columns }: OneHotOptions, input: SampleSpec): Learner<CategoryCounts> {
  const isChosen = chosenColumns("oneHot", columns, input);
  const counts = new Float64Array(numColumns(input));
  const names = columnNames(input);
  const addCode = (code: number, column: number): void => {
    if (!isChosen[column]) return;
    if (!Number.isInteger(code) || code < 0 || code >= maxCategories) {
      throw new Error(
        `oneHot: ${code} in column ${names?.[column] ?? column} is no code from 0 to ${maxCategories - 1}`,
      );
    }
    counts[column] = Math.max(counts[column]!, code + 1);
  };
  return {
    add: (sample) => eachNumber(sample, counts.length, addCode),
    state: () => ({ counts: [...counts] }),
  };
}

/**
 * Categories as one number each, 1 for the sample's, 0 for the others, where the column was; other columns as they are. All are 0 for what is
 * missing, and for a category that the training data does not have.
 */
export function createOneHot({ columns }: OneHotOptions, input: SampleSpec, { counts }: CategoryCounts): Transform {
  const isChosen = chosenColumns("oneHot", columns, input);
  const widths = isChosen.map((chosen, column) => (chosen ? counts[column]! : 1));
  const width = widths.reduce((sum, count) => sum + count, 0);
  const [first, ...rest] = input.shape;
  if (first === undefined || first === null) throw new Error("oneHot needs samples of one length, not scalars");
  const shape = [first, ...(rest as readonly number[])].with(-1, width);
  const numRows = numElements(shape) / Math.max(1, width);
  const names = columnNames(input);
  const output: FieldSpec = { shape, dtype: "float32", ...(names && { columns: widened(names, isChosen, counts) }) };
  return {
    output,
    apply(source, target) {
      target.fill(0);
      let [from, to] = [0, 0];
      for (let row = 0; row < numRows; row++) {
        for (let column = 0; column < widths.length; column++) {
          const [value, count] = [source[from]!, widths[column]!];
          if (!isChosen[column]) target[to] = value;
          else if (value >= 0 && value < count) target[to + value] = 1;
          from += 1;
          to += count;
        }
      }
    },
  };
}

/** The names of the columns that there are then: `town=0`, `town=1`, … */
function widened(names: readonly string[], isChosen: readonly boolean[], counts: readonly number[]): readonly string[] {
  return names.flatMap((name, column) =>
    isChosen[column] ? Array.from({ length: counts[column]! }, (_, code) => `${name}=${code}`) : [name],
  );
}
