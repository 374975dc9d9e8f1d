import { requireNames } from "../errors.ts";
import type { FilePattern } from "../files/find-files.ts";

/**
 * What a column is read as: `number` (float32, missing values NaN), `category` (float32, the value's place among the column's
 * values; missing NaN), `{category: [...]}` (its place in this list; missing and others NaN), `text` (its UTF-8 bytes).
 */
export type ColumnType = "number" | "category" | "text" | { readonly category: readonly string[] };

export type TableFormat = "csv" | "tsv" | "jsonl" | "parquet";

export interface LabelColumn {
  readonly column: string;
  /** `category`: an int32 class; `number`: a float32 target. */
  readonly type: "category" | "number";
  /** The classes in their order; null: the column's values, numbers by size, then others by name. */
  readonly classNames: readonly string[] | null;
  /** The column's values of each class, in the order of the classes; null: a class is a value. */
  readonly valuesOfClasses: readonly (readonly string[])[] | null;
}

/** Rows of CSV, JSON lines or Parquet files. */
export interface TableDeclaration {
  readonly kind: "table";
  readonly files: readonly FilePattern[];
  /** Null: by the end of each file's name. */
  readonly format: TableFormat | null;
  /** By name, in the order of the features. */
  readonly columns: readonly (readonly [name: string, type: ColumnType])[];
  readonly label: LabelColumn;
  /** A column that names each row: rows with the same name stay on the same side of every split. Null: file and row. */
  readonly key: string | null;
}

export interface TableOptions {
  /** Absolute paths, globs or addresses of CSV (.csv, .tsv), JSON lines (.jsonl, .ndjson) or Parquet (.parquet) files. */
  readonly files: FilePattern | readonly FilePattern[];
  readonly format?: TableFormat;
  /** The columns that are the inputs: numbers and categories, or one text. */
  readonly columns: Readonly<Record<string, ColumnType>>;
  /** The column that is the label. */
  readonly label: string;
  /** `category` by default: a class; `number` for regression. */
  readonly labelType?: "category" | "number";
  /**
   * The classes in their order, for a part of the data that may lack some; by default the column's values. Or each class with the values
   * that are to count as it: `{ham: ["easy-ham", "hard-ham"], spam: ["spam"]}`.
   */
  readonly classNames?: readonly string[] | Readonly<Record<string, readonly string[]>>;
  readonly key?: string;
}

/**
 * Rows of tables: inputs float32[columns], or uint8[?] for a column of text; labels int32 classes or float32 targets.
 *
 * @throws RangeError for no columns, a text beside others, or names that are none or not different
 */
export function tableSource(options: TableOptions): TableDeclaration {
  const { files, format = null, label, labelType = "category", classNames = null, key = null } = options;
  const columns = Object.entries(options.columns);
  if (columns.length === 0) throw new RangeError("a table needs one column or more");
  if (columns.length > 1 && columns.some(([, type]) => type === "text")) {
    throw new RangeError("a column of text must be the only one: a sample is numbers or text");
  }
  if (classNames !== null && labelType === "number") throw new RangeError("a label that is a number has no classNames");
  const groups = classNames === null || isList(classNames) ? null : Object.entries(classNames);
  const names = groups === null ? (classNames as readonly string[] | null) : groups.map(([name]) => name);
  requireNames("classNames", names);
  const valuesOfClasses = groups?.map(([, values]) => values) ?? null;
  if (valuesOfClasses !== null) requireNames("the values of classNames", valuesOfClasses.flat());
  for (const [name, type] of columns) {
    if (typeof type === "object") requireNames(`the categories of ${name}`, type.category);
  }
  const patterns: readonly FilePattern[] = Array.isArray(files) ? files : [files as FilePattern];
  return {
    kind: "table",
    files: patterns,
    format,
    columns,
    label: { column: label, type: labelType, classNames: names, valuesOfClasses },
    key,
  };
}

function isList(value: object): value is readonly string[] {
  return Array.isArray(value);
}
