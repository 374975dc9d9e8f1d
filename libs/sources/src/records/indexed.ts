import { badRecord, datasetCorrupt } from "../errors.ts";
import { type FieldSpec, numElements } from "../fields.ts";
import type { DataFile } from "../files/find-files.ts";
import { RowKeys } from "../keys.ts";
import type { BadRecords, SourceContext } from "../source.ts";
import { type Block, MemoryBudget, openBlock, readKeys } from "./block.ts";
import type { Places } from "./places.ts";
import { NumberWriter, type StagedFile, type StagedFiles, type StoredData } from "./stored-data.ts";

/** Bad records of a source, or of a file, that are named. */
export const maxNamed = 10;

/** What was found in a file when it was indexed or converted. */
export interface IndexedFile {
  readonly numSamples: number;
  readonly numBad: number;
  /** The first few of the bad records. */
  readonly bad: readonly { readonly number: number; readonly reason: string }[];
}

/** What every index knows. */
export interface IndexMeta {
  /** What is counted: `line`, `row`, `record`. */
  readonly unit: string;
  readonly files: readonly IndexedFile[];
}

/** The files that every index has: labels, keys, and the number of each sample in its own file. */
const indexFiles = { labels: "labels.bin", keys: "keys.bin", numbers: "numbers.bin" } as const;

export async function createIndexFiles(files: StagedFiles) {
  const [labels, keys] = [await files.create(indexFiles.labels), await files.create(indexFiles.keys)];
  return { labels, keys, numbers: new NumberWriter(await files.create(indexFiles.numbers), new Uint32Array()) };
}

/** Writes what every index has, for records that come one by one. */
export class IndexWriter {
  readonly #labels: NumberWriter;
  readonly #keys: StagedFile;
  readonly #numbers: NumberWriter;
  #rowKeys = new RowKeys("");
  #numKeys = 0;
  #file = { numSamples: 0, numBad: 0, bad: [] as { number: number; reason: string }[] };

  private constructor(labels: NumberWriter, keys: StagedFile, numbers: NumberWriter) {
    this.#labels = labels;
    this.#keys = keys;
    this.#numbers = numbers;
  }

  static async create(files: StagedFiles, labelField: FieldSpec): Promise<IndexWriter> {
    const { labels, keys, numbers } = await createIndexFiles(files);
    const format = labelField.dtype === "int32" ? new Int32Array() : new Float32Array();
    return new IndexWriter(new NumberWriter(labels, format), keys, numbers);
  }

  beginFile({ name }: DataFile): void {
    this.#rowKeys = new RowKeys(name);
    this.#numKeys = 0;
    this.#file = { numSamples: 0, numBad: 0, bad: [] };
  }

  /** `number` counts from 1 in the file. */
  addSample(number: number, label: Iterable<number>): void {
    for (const value of label) this.#labels.push(value);
    this.#numbers.push(number);
    this.#file.numSamples += 1;
  }

  addBad(number: number, reason: string): void {
    this.#file.numBad += 1;
    if (this.#file.bad.length < maxNamed) this.#file.bad.push({ number, reason });
  }

  async flush(): Promise<void> {
    await Promise.all([this.#labels.flush(), this.#numbers.flush()]);
    await this.#keys.append(this.#rowKeys.of(this.#numKeys, this.#file.numSamples - this.#numKeys, null));
    this.#numKeys = this.#file.numSamples;
  }

  async endFile(): Promise<IndexedFile> {
    await this.flush();
    return this.#file;
  }
}

/** What an index says of its samples, apart from their inputs. */
interface OpenIndex {
  readonly numSamples: number;
  readonly badRecords: BadRecords;
  readonly keys: BigUint64Array;
  readonly labels: Block;
  readonly places: Places;
  /** What the inputs may take. */
  readonly budget: MemoryBudget;
}

/**
 * Opens an index over `files`, wherever they lie now. Throws `BAD_RECORD` for the first bad record, unless those are to be skipped,
 * `DATASET_CORRUPT` if there is no sample.
 */
export async function openIndex(
  { directory, meta }: StoredData<IndexMeta>,
  files: readonly DataFile[],
  labelField: FieldSpec,
  context: SourceContext,
): Promise<OpenIndex> {
  const bad = meta.files.flatMap((file, i) =>
    file.bad.map(({ number, reason }) => ({ place: `${files[i]!.path}, ${meta.unit} ${number}`, reason })),
  );
  if (context.onBadRecord === "fail" && bad[0] !== undefined) throw badRecord(bad[0].place, bad[0].reason);
  const numSamples = meta.files.reduce((sum, file) => sum + file.numSamples, 0);
  if (numSamples === 0) throw datasetCorrupt(files[0]!.path, `${meta.unit}s that are samples`, "1 or more", 0);
  const budget = new MemoryBudget(context.memoryBytes);
  const length = numSamples * numElements(labelField.shape);
  return {
    numSamples,
    badRecords: {
      count: meta.files.reduce((sum, { numBad }) => sum + numBad, 0),
      places: bad.slice(0, maxNamed).map(({ place }) => place),
    },
    keys: await readKeys(`${directory}/${indexFiles.keys}`, numSamples),
    labels: await openBlock(
      { path: `${directory}/${indexFiles.labels}`, byteOffset: 0, dtype: labelField.dtype, length },
      budget,
    ),
    places: {
      unit: meta.unit,
      files: meta.files.map((file, i) => ({ path: files[i]!.path, numSamples: file.numSamples })),
      numbersPath: `${directory}/${indexFiles.numbers}`,
    },
    budget,
  };
}
