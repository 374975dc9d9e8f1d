import type { DuckDBConnection } from "@duckdb/node-api";
import { datasetSchema } from "../errors.ts";
import { literal, reading, rowsOf } from "./database.ts";
import type { TableDeclaration } from "./declaration.ts";
import type { TableFile } from "./schema.ts";

/** A column of categories, and the values that their codes stand for. */
export interface Vocabulary {
  readonly column: string;
  readonly values: readonly string[];
  /** The SQL type that has these values. */
  readonly sqlType: string;
}

/**
 * The values of each column of categories: those given, or all that the files have. Each becomes an SQL type. Throws
 * `DATASET_SCHEMA` for a column without any.
 */
export async function makeVocabularies(
  connection: DuckDBConnection,
  files: readonly TableFile[],
  { columns, label }: TableDeclaration,
): Promise<readonly Vocabulary[]> {
  const given = new Map<string, readonly string[] | null>();
  for (const [column, type] of columns) {
    if (type === "category") given.set(column, null);
    else if (typeof type === "object") given.set(column, type.category);
  }
  if (label.type === "category") given.set(label.column, label.classNames);
  const open = [...given].filter(([, values]) => values === null).map(([column]) => column);
  const found = await distinctValues(connection, files, open);
  const vocabularies: Vocabulary[] = [];
  for (const [column, values] of given) {
    const all = values ?? found.get(column) ?? [];
    if (all.length === 0) throw datasetSchema(files[0]!.file.path, column, "one category or more", "no value at all");
    const sqlType = `vocabulary${vocabularies.length}`;
    await connection.run(`CREATE TYPE ${sqlType} AS ENUM (${all.map(literal).join(", ")})`);
    vocabularies.push({ column, values: all, sqlType });
  }
  return vocabularies;
}

async function distinctValues(
  connection: DuckDBConnection,
  files: readonly TableFile[],
  columns: readonly string[],
): Promise<ReadonlyMap<string, string[]>> {
  const values = new Map(columns.map((column) => [column, new Set<string>()]));
  if (columns.length === 0) return new Map();
  for (const { file, scan } of files) {
    const pairs = columns.map((column) => `{'name': ${literal(column)}, 'value': ${scan.text(column)}}`);
    const sql =
      `SELECT DISTINCT pair.name, pair.value FROM (SELECT unnest([${pairs.join(", ")}]) AS pair FROM ${scan.relation}) ` +
      "WHERE pair.value IS NOT NULL";
    for (const [name = "", value = ""] of await reading(file.path, () => rowsOf(connection, sql))) {
      values.get(name)!.add(value);
    }
  }
  return new Map([...values].map(([column, set]) => [column, [...set].sort(compareValues)]));
}

/** Numbers by size, before all others; these by their characters. */
function compareValues(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || (a < b ? -1 : 1);
  return x - y || (a < b ? -1 : 1);
}
