import type { DuckDBConnection } from "@duckdb/node-api";
import { datasetCorrupt, datasetSchema } from "../errors.ts";
import type { DataFile } from "../files/find-files.ts";
import { reading, rowsOf } from "./database.ts";
import type { ColumnType, TableDeclaration } from "./declaration.ts";
import { formatOf, formats, type Scan } from "./formats.ts";

/** A file of a table whose columns are what was asked for. */
export interface TableFile {
  readonly file: DataFile;
  readonly scan: Scan;
  readonly unit: "line" | "row";
}

/** Values that are looked at before anything is converted. */
const sampleRows = 1_000;
const numericType = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)|BOOLEAN)$/;
const nestedType = /^(STRUCT|MAP|UNION)|\[\d*\]$|^BLOB$/;

/**
 * Checks a file's columns against those asked for, by the file's schema and its first values. Throws `DATASET_SCHEMA` with the column,
 * what was expected of it and what was found; `DATASET_CORRUPT` for what is no table.
 */
export async function checkSchema(
  connection: DuckDBConnection,
  file: DataFile,
  declaration: TableDeclaration,
): Promise<TableFile> {
  const { path } = file;
  const name = declaration.format ?? formatOf(file.path);
  if (name === null) {
    throw datasetCorrupt(
      path,
      "end of its name",
      ".csv, .tsv, .jsonl, .ndjson or .parquet, or a format given",
      "another",
    );
  }
  const format = formats[name];
  const found = await reading(path, () => format.columns(connection, path));
  const wanted = columnsOf(declaration);
  for (const [column] of wanted) {
    if (found.has(column)) continue;
    throw datasetSchema(path, column, "a column of this name", `only ${[...found.keys()].slice(0, 20).join(", ")}`);
  }
  const numbers = new Set(wanted.filter(([, type]) => type === "number").map(([column]) => column));
  for (const [column, type] of wanted) checkType(path, column, type, found.get(column) ?? null);
  const names = [...found.keys()];
  const untyped = [...numbers].filter((column) => found.get(column) === null);
  const asked = { columns: names, wanted: [...new Set(wanted.map(([column]) => column))] };
  const sampled = format.scan(path, { ...asked, numbers: new Set() });
  for (const column of untyped) {
    const sql =
      `SELECT count(text), count(number), any_value(text) FROM (SELECT ${sampled.text(column)} AS text, ` +
      `${sampled.number(column)} AS number FROM ${sampled.relation} LIMIT ${sampleRows})`;
    const [[numTexts, numNumbers, example = ""] = []] = await reading(path, () => rowsOf(connection, sql));
    if (numTexts !== "0" && numNumbers === "0")
      throw datasetSchema(path, column, "numbers", `text, such as "${example}"`);
  }
  return { file, scan: format.scan(path, { ...asked, numbers }), unit: format.unit };
}

/** All columns that are read: inputs, label, key. */
function columnsOf({ columns, label, key }: TableDeclaration): (readonly [string, ColumnType])[] {
  return [...columns, [label.column, label.type], ...(key === null ? [] : [[key, "category"] as const])];
}

function checkType(path: string, column: string, type: ColumnType, found: string | null): void {
  if (found === null) return;
  if (type === "number" && !numericType.test(found)) throw datasetSchema(path, column, "numbers", found);
  if (type === "text" && found !== "VARCHAR") throw datasetSchema(path, column, "text (VARCHAR)", found);
  if (nestedType.test(found)) throw datasetSchema(path, column, "single values", found);
}
