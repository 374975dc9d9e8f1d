import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { badRecord, datasetCorrupt } from "../errors.ts";
import type { FieldSpec } from "../fields.ts";
import { digestFiles } from "../files/content-digest.ts";
import { type DataFile, findFiles } from "../files/find-files.ts";
import type { RangeHandles } from "../ranges/range-source.ts";
import { openRanges } from "../ranges/stored-ranges.ts";
import { MemoryBudget, openBlock, readKeys } from "../records/block.ts";
import type { Places } from "../records/places.ts";
import type { RecordHandles } from "../records/record-source.ts";
import { type StagedFiles, type StoredData, storedData } from "../records/stored-data.ts";
import type { CheckedSource, SourceContext } from "../source.ts";
import { type ConvertedFile, convertFile, createOutputs } from "./convert.ts";
import { withDatabase } from "./database.ts";
import type { TableDeclaration } from "./declaration.ts";
import { checkSchema, type TableFile } from "./schema.ts";
import { makeVocabularies } from "./vocabularies.ts";

/** Changes with the layout of what is stored. */
const layout = "table 1";
/** Bad rows that are named. */
const maxPlaces = 10;

/** What is known of a converted table. */
interface TableMeta {
  readonly unit: string;
  readonly files: ConvertedFile[];
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
  const numSamples = stored.meta.files.reduce((sum, file) => sum + file.numSamples, 0);
  const places = placesOf(files, stored);
  const bad = stored.meta.files.flatMap(({ badRows }, i) =>
    badRows.map(({ number, reason }) => ({ place: `${files[i]!.path}, ${places.unit} ${number}`, reason })),
  );
  if (context.onBadRecord === "fail" && bad[0] !== undefined) throw badRecord(bad[0].place, bad[0].reason);
  if (numSamples === 0) throw datasetCorrupt(files[0]!.path, "rows that are samples", "1 or more", 0);
  const classNames = label.type === "category" ? stored.meta.vocabularies[label.column]! : null;
  return {
    numSamples,
    numClasses: classNames?.length ?? null,
    classNames,
    columns: columns.map(([name]) => ({ name, categories: stored.meta.vocabularies[name] ?? null })),
    digest,
    canSeek: true,
    badRecords: {
      count: stored.meta.files.reduce((sum, { numBad }) => sum + numBad, 0),
      places: bad.slice(0, maxPlaces).map(({ place }) => place),
    },
    keys: await readKeys(`${stored.directory}/keys.bin`, numSamples),
    ...(await openRecords(stored, numSamples, places, declaration, new MemoryBudget(context.memoryBytes))),
  };
}

/** Where rows lie now, which may be elsewhere than when they were converted. */
function placesOf(files: readonly DataFile[], { directory, meta }: StoredData<TableMeta>): Places {
  const placed = meta.files.map(({ numSamples }, i) => ({ path: files[i]!.path, numSamples }));
  return { unit: meta.unit, files: placed, numbersPath: `${directory}/numbers.bin` };
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
    const converted: ConvertedFile[] = [];
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

async function openRecords(
  { directory }: StoredData<TableMeta>,
  numSamples: number,
  places: Places,
  { columns, label }: TableDeclaration,
  budget: MemoryBudget,
) {
  const labelField: FieldSpec = { shape: [], dtype: label.type === "category" ? "int32" : "float32" };
  const labels = await openBlock(
    { path: `${directory}/labels.bin`, byteOffset: 0, dtype: labelField.dtype, length: numSamples },
    budget,
  );
  if (columns[0]![1] === "text") {
    const path = `${directory}/inputs.bin`;
    const { size } = await stat(path);
    const { ranges, capacity } = await openRanges(directory, [{ path, sizeBytes: size, numSamples }], budget);
    const handles: RangeHandles = { kind: "ranges", ranges, labels, labelField, places };
    return { input: { shape: [null], dtype: "uint8", capacity }, label: labelField, handles } as const;
  }
  const inputField: FieldSpec = { shape: [columns.length], dtype: "float32" };
  const inputs = await openBlock(
    { path: `${directory}/inputs.bin`, byteOffset: 0, dtype: "float32", length: numSamples * columns.length },
    budget,
  );
  const handles: RecordHandles = { kind: "records", inputs, labels, inputField, labelField, places };
  return { input: inputField, label: labelField, handles } as const;
}
