import { appendFile, mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { type TableFormat, type TableOptions, tableSource } from "../../table/declaration.ts";
import type { Sample, Subject, Variant } from "../subject.ts";

/** Width, colour (a category), height of a few things, and what they are. */
type Row = readonly [width: number | null, colour: string | null, height: number, kind: string];

/** By file, in the order of their names. */
const rows: Readonly<Record<string, readonly Row[]>> = {
  a: [
    [1.5, "red", 10, "box"],
    [null, "green", 20, "b\"a,l'l"],
    [3, null, 30, "box"],
  ],
  b: [
    [4, "red", 40, "ring"],
    [5, "blue", 50, "box"],
  ],
};
const classNames = ["b\"a,l'l", "box", "ring"];
/** Of the categories as they are sorted. */
const colours = ["blue", "green", "red"];

function rowsOf(variant: Variant): Readonly<Record<string, readonly Row[]>> {
  if (variant === "edited") return { ...rows, b: [rows.b![0]!, [6, "blue", 50, "box"]] };
  // A file before, and rows after those of another.
  if (variant === "extended") return { 0: [[7, "red", 70, "ring"]], ...rows, b: [...rows.b!, [8, "red", 80, "box"]] };
  return rows;
}

const samples = async (): Promise<Sample[]> =>
  Object.values(rows)
    .flat()
    .map(([width, colour, height, kind]) => ({
      input: [width ?? Number.NaN, colour === null ? Number.NaN : colours.indexOf(colour), height],
      label: [classNames.indexOf(kind)],
    }));

/** How each format has these rows. */
const writers: Readonly<Record<TableFormat, (path: string, rows: readonly Row[]) => Promise<void>>> = {
  csv: (path, all) => writeFile(path, delimitedText(all, ",")),
  tsv: (path, all) => writeFile(path, delimitedText(all, "\t")),
  jsonl: (path, all) =>
    writeFile(
      path,
      all
        .map(
          ([width, colour, height, kind]) =>
            `${JSON.stringify({ height, width, "the/colour": colour, kind, rest: [] })}\n`,
        )
        .join(""),
    ),
  parquet: async (path, all) => {
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    const values = all.map((row) => `(${row.map((value) => sqlOf(value)).join(", ")})`);
    await connection.run(
      `COPY (SELECT width::DOUBLE AS width, colour AS "the/colour", height::SMALLINT AS height, kind, [1] AS rest FROM ` +
        `(VALUES ${values.join(", ")}) AS t(width, colour, height, kind)) TO '${path}' (FORMAT parquet)`,
    );
    connection.closeSync();
    instance.closeSync();
  },
};

function delimitedText(all: readonly Row[], delimiter: string): string {
  const quote = (text: string) => (/["',\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const header = ["width", '"the/colour"', "height", "kind", "rest"];
  const lines = all.map((row) => [...row.map((value) => quote(String(value ?? ""))), "x"]);
  return [header, ...lines].map((fields) => `${fields.join(delimiter)}\n`).join("");
}

function sqlOf(value: string | number | null): string {
  if (value === null) return "NULL";
  return typeof value === "number" ? String(value) : `'${value.replaceAll("'", "''")}'`;
}

/** Colours are those of all files, so that what is added changes no code. */
const columns: TableOptions["columns"] = { width: "number", "the/colour": "category", height: "number" };

function tableSubject(
  format: TableFormat,
  rest: Pick<Subject, "placeOfSample1" | "damages"> & Partial<Subject>,
): Subject {
  return {
    name: `table of ${format}`,
    input: "float32[3]",
    label: "int32[]",
    numClasses: 3,
    classNames,
    write: async (directory, variant) => {
      await mkdir(join(directory, "rows"));
      for (const [name, all] of Object.entries(rowsOf(variant))) {
        await writers[format](join(directory, "rows", `${name}.${format}`), all);
      }
      return tableSource({ files: join(directory, "rows", `*.${format}`), columns, label: "kind" });
    },
    samples,
    byPosition: true,
    ...rest,
  };
}

const csvLine = (directory: string) => join(directory, "rows", "b.csv");

export const csvTable = tableSubject("csv", {
  placeOfSample1: (directory) => `${join(directory, "rows/a.csv")}, line 3`,
  damages: [
    {
      what: "a file without one of the columns",
      damage: async (directory) => {
        const text = await readFile(csvLine(directory), "utf8");
        await writeFile(csvLine(directory), text.replace("width", "breadth"));
      },
      code: "DATASET_SCHEMA",
      facts: {
        column: "width",
        expected: "a column of this name",
        found: "only breadth, the/colour, height, kind, rest",
      },
    },
    {
      what: "text in a column of numbers",
      damage: (directory) =>
        writeFile(csvLine(directory), "width,the/colour,height,kind\n1,red,low,box\n2,red,high,box\n"),
      code: "DATASET_SCHEMA",
      facts: { column: "height", expected: "numbers", found: 'text, such as "low"' },
    },
  ],
  badRecord: {
    // One that is no number, among those that are.
    damage: async (directory) => {
      const text = await readFile(csvLine(directory), "utf8");
      await writeFile(csvLine(directory), text.replace("4,red", "four,red"));
    },
    place: "rows/b.csv, line 2",
    shows: "opening",
    left: [0, 1, 2, 4],
  },
});

export const tsvTable = tableSubject("tsv", {
  placeOfSample1: (directory) => `${join(directory, "rows/a.tsv")}, line 3`,
  damages: [],
  badRecord: {
    // A row that ends too early.
    damage: async (directory) => {
      const path = join(directory, "rows/a.tsv");
      const text = await readFile(path, "utf8");
      await writeFile(path, text.replace("1.5\tred\t10\tbox\tx", "1.5\tred"));
    },
    place: "rows/a.tsv, line 2",
    shows: "opening",
    left: [1, 2, 3, 4],
  },
});

export const jsonlTable = tableSubject("jsonl", {
  placeOfSample1: (directory) => `${join(directory, "rows/a.jsonl")}, line 2`,
  damages: [
    {
      what: "lines without one of the columns",
      damage: (directory) => writeFile(join(directory, "rows/a.jsonl"), '{"width": 1, "height": 2, "kind": "box"}\n'),
      code: "DATASET_SCHEMA",
      facts: { column: "the/colour", expected: "a column of this name" },
    },
  ],
  badRecord: {
    // A line that was cut off, after two that are blank.
    damage: async (directory) => {
      const path = join(directory, "rows/b.jsonl");
      const text = await readFile(path, "utf8");
      await writeFile(path, `\n\n${text.replace('"ring"', "")}`);
    },
    place: "rows/b.jsonl, line 3",
    shows: "opening",
    left: [0, 1, 2, 4],
  },
});

export const parquetTable = tableSubject("parquet", {
  placeOfSample1: (directory) => `${join(directory, "rows/a.parquet")}, row 2`,
  damages: [
    {
      what: "a truncated file",
      damage: (directory) => truncate(join(directory, "rows/b.parquet"), 100),
      code: "DATASET_CORRUPT",
      facts: { what: "content" },
    },
    {
      what: "text where numbers should be",
      damage: async (directory) => {
        const instance = await DuckDBInstance.create(":memory:");
        const connection = await instance.connect();
        const path = join(directory, "rows/c.parquet");
        await connection.run(
          `COPY (SELECT 'w' AS width, 'red' AS "the/colour", 1 AS height, 'box' AS kind) TO '${path}' (FORMAT parquet)`,
        );
        connection.closeSync();
        instance.closeSync();
      },
      code: "DATASET_SCHEMA",
      facts: { column: "width", expected: "numbers", found: "VARCHAR" },
    },
  ],
});

const texts = [
  ["good", "fine, and\nmore"],
  ["bad", ""],
  ["good", "größer 😀"],
] as const;

export const textTable: Subject = {
  name: "table of texts",
  input: "uint8[?]",
  label: "int32[]",
  numClasses: 2,
  classNames: ["bad", "good"],
  write: async (directory, variant) => {
    const all = [...texts, ...(variant === "extended" ? [["bad", "worse"] as const] : [])];
    const path = join(directory, "texts.jsonl");
    await writeFile(path, "");
    for (const [mood, text] of all) {
      const said = variant === "edited" ? text.replace("fine", "fina") : text;
      await appendFile(path, `${JSON.stringify({ mood, text: said })}\n`);
    }
    return tableSource({ files: path, columns: { text: "text" }, label: "mood" });
  },
  samples: async () =>
    texts.map(([mood, text]) => ({ input: [...Buffer.from(text)], label: [mood === "good" ? 1 : 0] })),
  placeOfSample1: (directory) => `${join(directory, "texts.jsonl")}, line 2`,
  damages: [],
  badRecord: {
    damage: (directory) => appendFile(join(directory, "texts.jsonl"), '{"mood": "bad"}\n'),
    place: "texts.jsonl, line 4",
    shows: "opening",
    left: [0, 1, 2],
  },
  byPosition: true,
};
