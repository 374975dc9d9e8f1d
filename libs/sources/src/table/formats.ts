import type { DuckDBConnection } from "@duckdb/node-api";
import { literal, pathLiteral, quoted, rowsOf } from "./database.ts";
import type { TableFormat } from "./declaration.ts";

/** How a column of a file is asked for in SQL. */
export interface Scan {
  /** A relation: what follows FROM. */
  readonly relation: string;
  /** The column as DOUBLE, null where it has no value or none that is a number. */
  readonly number: (column: string) => string;
  /** The column as VARCHAR, null where it has no value. */
  readonly text: (column: string) => string;
  /** Whether a row is to be passed over without a word. */
  readonly isBlank: string;
  /** Whether a row is none, whatever is asked of it. */
  readonly isMalformed: string;
  /** Whether rows that DuckDB itself leaves out are to be found in the table `rejected`. */
  readonly rejects: boolean;
  /** Whether the first line names the columns. */
  readonly hasHeader: boolean;
}

interface ScanColumns {
  readonly columns: readonly string[];
  readonly wanted: readonly string[];
  readonly numbers: ReadonlySet<string>;
}

/** One format of tables: a row of `formats`. */
interface Format {
  /** The columns of a file, and their SQL types; null where the values tell. */
  columns(connection: DuckDBConnection, path: string): Promise<ReadonlyMap<string, string | null>>;
  /** `columns` are all that the file has, `wanted` those that will be asked for, `numbers` those that are read as such. */
  scan(path: string, names: ScanColumns): Scan;
  /** Whether records are lines, so that people count those. */
  readonly unit: "line" | "row";
}

/** A character that no text may have (Unicode keeps it for programs) separates columns of files that are read line by line. */
const wholeLines =
  "auto_detect=false, columns={'line': 'VARCHAR'}, delim='\u{10FFFF}', quote='', escape='', header=false";
/** The longest line, and what is read at once (by default DuckDB takes 16 times the longest line), in bytes. */
const lineLimits = `max_line_size=${1 << 24}, buffer_size=${1 << 25}`;

/** Lines of JSON that are looked at for the names of columns: one that none of them has is none. */
const sampleLines = 10_000;

function delimited(delimiter: string): Format {
  return {
    unit: "line",
    columns: async (connection, path) => {
      const sql = `SELECT line FROM ${linesOf(path)} LIMIT 1`;
      const [[header = ""] = []] = await rowsOf(connection, sql);
      return new Map(splitHeader(header, delimiter).map((name) => [name, null]));
    },
    scan: (path, { columns, numbers }) => {
      const types = columns.map((name) => `${literal(name)}: '${numbers.has(name) ? "DOUBLE" : "VARCHAR"}'`);
      return {
        relation:
          `read_csv(${pathLiteral(path)}, auto_detect=false, header=true, delim='${delimiter}', quote='"', escape='"', ` +
          `columns={${types.join(", ")}}, ${lineLimits}, ` +
          "store_rejects=true, rejects_limit=0, rejects_table='rejected', rejects_scan='scanned')",
        number: (column) => (numbers.has(column) ? quoted(column) : `try_cast(${quoted(column)} AS DOUBLE)`),
        text: quoted,
        isBlank: "false",
        isMalformed: "false",
        rejects: true,
        hasHeader: true,
      };
    },
  };
}

const jsonLines: Format = {
  unit: "line",
  columns: async (connection, path) => {
    const objects = `SELECT CASE WHEN json_valid(line) THEN line END AS line FROM ${linesOf(path)} LIMIT ${sampleLines}`;
    const names = await rowsOf(
      connection,
      `SELECT DISTINCT unnest(json_keys(line)) FROM (${objects}) WHERE json_type(line) = 'OBJECT'`,
    );
    return new Map(names.map(([name = ""]) => [name, null]));
  },
  scan: (path, { wanted }) => {
    const pointers = wanted.map((column) => literal(`/${column.replaceAll("~", "~0").replaceAll("/", "~1")}`));
    const field = (column: string) => `fields[${wanted.indexOf(column) + 1}]`;
    return {
      // All fields at once, so that a line is parsed once; what is no JSON must never meet the function that does it.
      relation:
        "(SELECT trim(raw) = '' AS blank, CASE WHEN valid AND ltrim(raw) LIKE '{%' THEN " +
        `json_extract_string(raw, [${pointers.join(", ")}]) END AS fields FROM ` +
        `(SELECT coalesce(line, '') AS raw, json_valid(coalesce(line, '')) AS valid FROM ${linesOf(path)}))`,
      number: (column) =>
        `coalesce(try_cast(${field(column)} AS DOUBLE), CASE ${field(column)} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)`,
      text: field,
      isBlank: "blank",
      isMalformed: "fields IS NULL",
      rejects: false,
      hasHeader: false,
    };
  },
};

function linesOf(path: string): string {
  return `read_csv(${pathLiteral(path)}, ${wholeLines}, ${lineLimits})`;
}

const parquet: Format = {
  unit: "row",
  columns: async (connection, path) => {
    const rows = await rowsOf(connection, `DESCRIBE SELECT * FROM read_parquet(${pathLiteral(path)})`);
    return new Map(rows.map(([name = "", type = ""]) => [name, type]));
  },
  scan: (path) => ({
    relation: `read_parquet(${pathLiteral(path)})`,
    number: (column) => `CAST(${quoted(column)} AS DOUBLE)`,
    text: (column) => `CAST(${quoted(column)} AS VARCHAR)`,
    isBlank: "false",
    isMalformed: "false",
    rejects: false,
    hasHeader: false,
  }),
};

export const formats: { readonly [Name in TableFormat]: Format } = {
  csv: delimited(","),
  tsv: delimited("\t"),
  jsonl: jsonLines,
  parquet,
};

const formatOfEnd: Readonly<Record<string, TableFormat>> = {
  csv: "csv",
  tsv: "tsv",
  jsonl: "jsonl",
  ndjson: "jsonl",
  parquet: "parquet",
};

/** The format that a file's name says, compressed or not; null for none of ours. */
export function formatOf(path: string): TableFormat | null {
  const end = /\.(\w+)(\.(gz|zst))?$/.exec(path.toLowerCase())?.[1];
  return formatOfEnd[end ?? ""] ?? null;
}

/** The names in the first line of a delimited file. */
function splitHeader(line: string, delimiter: string): string[] {
  const names: string[] = [];
  const field = /("(?:[^"]|"")*"|[^"]*?)(?:DELIMITER|$)/.source.replace("DELIMITER", delimiter);
  const text = line.replace(/^\uFEFF/, "").replace(/\r$/, "");
  for (const match of `${text}${delimiter}`.matchAll(new RegExp(field, "gy"))) {
    if (match[0] === "") break;
    const name = match[1]!.trim();
    names.push(name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);
  }
  return names;
}
