import type { DuckDBBlobVector, DuckDBConnection, DuckDBDataChunk, DuckDBVector } from "@duckdb/node-api";
import { RowKeys } from "../keys.ts";
import { RangeWriter } from "../ranges/stored-ranges.ts";
import { createIndexFiles, type IndexedFile, maxNamed } from "../records/indexed.ts";
import type { NumberWriter, StagedFile, StagedFiles } from "../records/stored-data.ts";
import { literal, reading, rowsOf } from "./database.ts";
import type { ColumnType, TableDeclaration } from "./declaration.ts";
import type { TableFile } from "./schema.ts";
import type { Vocabulary } from "./vocabularies.ts";

/** What a row is in the converted files, and why one is none. */
const verdicts = { good: 0, blank: 1, malformed: 2, noLabel: 3, unknownLabel: 4, noText: 5, firstColumn: 16 } as const;

/** The files of a converted table. */
interface Outputs {
  readonly inputs: StagedFile;
  /** Where in `inputs` each text is; null for numbers. */
  readonly ranges: RangeWriter | null;
  readonly labels: StagedFile;
  readonly keys: StagedFile;
  /** The line or row of each sample in its file. */
  readonly numbers: NumberWriter;
}

export async function createOutputs(files: StagedFiles, hasText: boolean): Promise<Outputs> {
  return {
    inputs: await files.create("inputs.bin"),
    ranges: hasText ? await RangeWriter.create(files) : null,
    ...(await createIndexFiles(files)),
  };
}

/**
 * Adds the rows of one file to the outputs: features float32[columns] or the bytes of a text, label int32 or float32, key uint64.
 * DuckDB does what can be done by column; here numbers are put into records.
 */
export async function convertFile(
  connection: DuckDBConnection,
  table: TableFile,
  declaration: TableDeclaration,
  vocabularies: readonly Vocabulary[],
  outputs: Outputs,
  signal: AbortSignal | undefined,
): Promise<IndexedFile> {
  const { file, scan } = table;
  await connection.run("DROP TABLE IF EXISTS rejected; DROP TABLE IF EXISTS scanned");
  const rows = new RowWriter(table, declaration, outputs);
  const query = selectRows(table, declaration, vocabularies);
  const result = await reading(file.path, () => connection.stream(query));
  for (;;) {
    signal?.throwIfAborted();
    const chunk = await reading(file.path, () => result.fetchChunk());
    if (chunk === null || chunk.rowCount === 0) break;
    await rows.add(chunk);
  }
  const rejected = scan.rejects ? await rejectedLines(connection) : [];
  const absent = new Set([...(scan.hasHeader ? [1] : []), ...rejected.map(({ number }) => number)]);
  const noted = await numberRows(rows, absent, outputs.numbers);
  const bad = [...noted, ...rejected].sort((a, b) => a.number - b.number);
  return { numSamples: rows.numSamples, numBad: bad.length, bad: bad.slice(0, maxNamed) };
}

/** Finds the line of each row that came through, now that those are known that did not. */
async function numberRows({ numRows, skipped }: RowWriter, absent: ReadonlySet<number>, numbers: NumberWriter) {
  const bad: { number: number; reason: string }[] = [];
  let number = 0;
  for (let ordinal = 0; ordinal < numRows; ordinal++) {
    do number += 1;
    while (absent.has(number));
    const reason = skipped.get(ordinal);
    if (reason === undefined) numbers.push(number);
    else if (reason !== null) bad.push({ number, reason });
  }
  await numbers.flush();
  return bad;
}

/** What DuckDB could not read as rows, by line. */
async function rejectedLines(connection: DuckDBConnection) {
  const rows = await rowsOf(connection, "SELECT line, min(error_message) FROM rejected GROUP BY line ORDER BY line");
  return rows.map(([line = "", reason = ""]) => ({ number: Number(line), reason }));
}

/** One row of numbers for each row of the file: the verdict, the inputs, the label, the key. */
function selectRows(
  { scan }: TableFile,
  { columns, label, key }: TableDeclaration,
  vocabularies: readonly Vocabulary[],
): string {
  const code = (column: string, text = scan.text(column)) => {
    const { sqlType } = vocabularies.find((vocabulary) => vocabulary.column === column)!;
    return `enum_code(try_cast(${text} AS ${sqlType}))::DOUBLE`;
  };
  const value = (column: string, type: ColumnType) => (type === "number" ? scan.number(column) : code(column));
  const labelValue =
    label.type === "number" ? scan.number(label.column) : code(label.column, classOf(scan.text(label.column), label));
  const notNumbers = columns.flatMap(([column, type], index) =>
    type === "number"
      ? [
          `WHEN ${scan.text(column)} IS NOT NULL AND ${scan.number(column)} IS NULL THEN ${verdicts.firstColumn + index}`,
        ]
      : [],
  );
  const noText = columns[0]![1] === "text" ? [`WHEN ${scan.text(columns[0]![0])} IS NULL THEN ${verdicts.noText}`] : [];
  const verdict = [
    `CASE WHEN ${scan.isBlank} THEN ${verdicts.blank}`,
    `WHEN ${scan.isMalformed} THEN ${verdicts.malformed}`,
    `WHEN ${scan.text(label.column)} IS NULL THEN ${verdicts.noLabel}`,
    `WHEN ${labelValue} IS NULL OR isnan(${labelValue}) THEN ${verdicts.unknownLabel}`,
    ...noText,
    ...notNumbers,
    `ELSE ${verdicts.good} END::INTEGER`,
  ].join(" ");
  const inputs = columns.map(([column, type]) =>
    type === "text"
      ? `coalesce(encode(${scan.text(column)}), ''::BLOB)`
      : `coalesce(${value(column, type)}, 'nan'::DOUBLE)`,
  );
  const keys = key === null ? [] : [`encode(${scan.text(key)})`];
  return `SELECT ${[verdict, ...inputs, `coalesce(${labelValue}, 'nan'::DOUBLE)`, ...keys].join(", ")} FROM ${scan.relation}`;
}

/** The class that a label's text counts as, in SQL; null for one that is in none. */
function classOf(text: string, { classNames, valuesOfClasses }: TableDeclaration["label"]): string {
  if (valuesOfClasses === null) return text;
  const cases = valuesOfClasses.map(
    (values, index) => `WHEN ${text} IN (${values.map(literal).join(", ")}) THEN ${literal(classNames![index]!)}`,
  );
  return `CASE ${cases.join(" ")} END`;
}

/** Writes the rows of one file as they come. */
class RowWriter {
  numSamples = 0;
  /** Rows that came. */
  numRows = 0;
  /** Why some of them are no samples; null where they are blank. */
  readonly skipped = new Map<number, string | null>();
  readonly #declaration: TableDeclaration;
  readonly #outputs: Outputs;
  readonly #keys: RowKeys;

  constructor(table: TableFile, declaration: TableDeclaration, outputs: Outputs) {
    this.#declaration = declaration;
    this.#outputs = outputs;
    this.#keys = new RowKeys(table.file.name);
  }

  async add(chunk: DuckDBDataChunk): Promise<void> {
    const { columns, label, key } = this.#declaration;
    const good = this.#goodRows(chunk);
    if (columns[0]![1] === "text") await this.#addTexts(chunk.getColumnVector(1) as DuckDBBlobVector, good);
    else await this.#outputs.inputs.append(features(chunk, columns.length, good));
    const values = numbersOf(chunk, columns.length + 1);
    const labels = label.type === "category" ? new Int32Array(good.length) : new Float32Array(good.length);
    for (let i = 0; i < good.length; i++) labels[i] = values.getItem(good[i]!)!;
    await this.#outputs.labels.append(labels);
    const names = key === null ? null : (chunk.getColumnVector(columns.length + 2) as DuckDBBlobVector);
    const nameOf = names === null ? null : (i: number) => names.getItemBytes(good[i]!);
    await this.#outputs.keys.append(this.#keys.of(this.numSamples, good.length, nameOf));
    this.numSamples += good.length;
    this.numRows += chunk.rowCount;
  }

  /** The rows of a chunk that are samples; the others are noted. */
  #goodRows(chunk: DuckDBDataChunk): Uint32Array {
    const verdictOf = numbersOf(chunk, 0);
    const good = new Uint32Array(chunk.rowCount);
    let numGood = 0;
    for (let row = 0; row < chunk.rowCount; row++) {
      const verdict = verdictOf.getItem(row)!;
      if (verdict === verdicts.good) good[numGood++] = row;
      else this.skipped.set(this.numRows + row, this.#reason(verdict));
    }
    return good.subarray(0, numGood);
  }

  #reason(verdict: number): string | null {
    const { columns, label } = this.#declaration;
    if (verdict === verdicts.blank) return null;
    if (verdict === verdicts.malformed) return "it is no JSON object";
    if (verdict === verdicts.noLabel) return `the label "${label.column}" is missing`;
    if (verdict === verdicts.unknownLabel) {
      return `the label "${label.column}" is ${label.type === "number" ? "no number" : "none of those that are known"}`;
    }
    if (verdict === verdicts.noText) return `the text "${columns[0]![0]}" is missing`;
    return `the column "${columns[verdict - verdicts.firstColumn]![0]}" is no number`;
  }

  async #addTexts(texts: DuckDBBlobVector, good: Uint32Array): Promise<void> {
    const ranges = this.#outputs.ranges!;
    for (const row of good) {
      const bytes = texts.getItemBytes(row)!;
      ranges.add(this.#outputs.inputs.length, bytes.length);
      await this.#outputs.inputs.append(bytes);
    }
    await ranges.flush();
  }
}

/** The features of the good rows, record after record. */
function features(chunk: DuckDBDataChunk, numColumns: number, good: Uint32Array): Float32Array {
  const records = new Float32Array(good.length * numColumns);
  for (let column = 0; column < numColumns; column++) {
    const values = numbersOf(chunk, column + 1);
    for (let i = 0; i < good.length; i++) records[i * numColumns + column] = values.getItem(good[i]!)!;
  }
  return records;
}

function numbersOf(chunk: DuckDBDataChunk, column: number): DuckDBVector<number> {
  return chunk.getColumnVector(column) as DuckDBVector<number>;
}
