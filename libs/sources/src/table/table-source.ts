import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import type { FieldSpec } from "../fields.ts";
import { digestFiles } from "../files/content-digest.ts";
import { type DataFile, findFiles } from "../files/find-files.ts";
import type { RangeHandles } from "../ranges/range-source.ts";
import { openRanges } from "../ranges/stored-ranges.ts";
import { openBlock } from "../records/block.ts";
import { type IndexedFile, type IndexMeta, openIndex } from "../records/indexed.ts";
import type { RecordHandles } from "../records/record-source.ts";
import { type StagedFiles, storedData } from "../records/stored-data.ts";
import type { CheckedSource, SourceContext } from "../source.ts";
import { convertFile, createOutputs } from "./convert.ts";
import { withDatabase } from "./database.ts";
import type { TableDeclaration } from "./declaration.ts";
import { checkSchema, type TableFile } from "./schema.ts";
import { makeVocabularies } from "./vocabularies.ts";

/** Changes with the layout of what is stored. */
const layout = "table 1";

/** What is known of a converted table. */
interface TableMeta extends IndexMeta {
  /** By column of categories, label included. */
  readonly vocabularies: Record<string, string[]>;
}

/**
 * Opens a table: converted on first use into records in the cache, which are read from memory where they fit, else by position.
 * Throws `DATASET_NOT_FOUND`, `DATASET_CORRUPT`, `DATASET_SCHEMA` before anything is converted, and `BAD_RECORD` for a row that is no
 * sample, unless those are to be skipped.
 */
export async function openTable(
  declaration: TableDeclaration,
  context: SourceContext,
): Promise<CheckedSource<RecordHandles | RangeHandles>> {
  const files = await findFiles(declaration.files, context);
  const { format, columns, label, key } = declaration;
  const contents = await digestFiles(files, context);
  const meaning = { layout, format, columns, label, key, files: files.map(({ name }, i) => [name, contents[i]]) };
  const digest = createHash("sha256").update(JSON.stringify(meaning)).digest("hex");
  const stored = await storedData(digest, context, (staged) => convert(files, declaration, staged, context.signal));
  const labelField: FieldSpec = { shape: [], dtype: label.type === "category" ? "int32" : "float32" };
  const index = await openIndex(stored, files, labelField, context);
  const classNames = label.type === "category" ? stored.meta.vocabularies[label.column]! : null;
  const { numSamples, badRecords, keys, labels, places, budget } = index;
  const known = {
    numSamples,
    numClasses: classNames?.length ?? null,
    classNames,
    label: labelField,
    columns: columns.map(([name]) => ({ name, categories: stored.meta.vocabularies[name] ?? null })),
    digest,
    canSeek: true,
    badRecords,
    keys,
  };
  const path = `${stored.directory}/inputs.bin`;
  if (columns[0]![1] === "text") {
    const { size } = await stat(path);
    const { ranges, capacity } = await openRanges(stored.directory, [{ path, sizeBytes: size, numSamples }], budget);
    const handles: RangeHandles = { kind: "ranges", ranges, labels, labelField, places };
    return { ...known, input: { shape: [null], dtype: "uint8", capacity }, handles };
  }
  const names = columns.map(([name]) => name);
  const inputField: FieldSpec = { shape: [columns.length], dtype: "float32", columns: names };
  const length = numSamples * columns.length;
  const inputs = await openBlock({ path, byteOffset: 0, dtype: "float32", length }, budget);
  const handles: RecordHandles = { kind: "records", inputs, labels, inputField, labelField, places };
  return { ...known, input: inputField, handles };
}

async function convert(
  files: readonly DataFile[],
  declaration: TableDeclaration,
  staged: StagedFiles,
  signal: AbortSignal | undefined,
): Promise<TableMeta> {
  return withDatabase(`${staged.directory}/spilled`, async (connection) => {
    // All files before any is converted: what is wrong with the last shows as soon as what is wrong with the first.
    const tables: TableFile[] = [];
    for (const file of files) tables.push(await checkSchema(connection, file, declaration));
    const vocabularies = await makeVocabularies(connection, tables, declaration);
    const outputs = await createOutputs(staged, declaration.columns[0]![1] === "text");
    const converted: IndexedFile[] = [];
    for (const table of tables) {
      converted.push(await convertFile(connection, table, declaration, vocabularies, outputs, signal));
    }
    return {
      unit: tables[0]!.unit,
      files: converted,
      vocabularies: Object.fromEntries(vocabularies.map(({ column, values }) => [column, [...values]])),
    };
  });
}
