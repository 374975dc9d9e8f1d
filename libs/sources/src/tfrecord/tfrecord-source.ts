import { createHash } from "node:crypto";
import { datasetSchema } from "../errors.ts";
import type { FieldSpec } from "../fields.ts";
import { digestFiles } from "../files/content-digest.ts";
import { type DataFile, findFiles } from "../files/find-files.ts";
import { decoderVersion } from "../images/decode-image.ts";
import type { ImageRangeHandles } from "../images/image-reader.ts";
import type { RangeHandles } from "../ranges/range-source.ts";
import { openRanges, RangeWriter } from "../ranges/stored-ranges.ts";
import { openBlock } from "../records/block.ts";
import { type IndexedFile, type IndexMeta, IndexWriter, openIndex } from "../records/indexed.ts";
import type { RecordHandles } from "../records/record-source.ts";
import { NumberWriter, type StagedFiles, storedData } from "../records/stored-data.ts";
import type { CheckedSource, SourceContext } from "../source.ts";
import { labelFieldOf, type TfRecordDeclaration, type TfRecordInput } from "./declaration.ts";
import { type Feature, parseExample } from "./example.ts";
import { featureOf, kindOf, labelOf, numbersOf, oneBytes } from "./read-features.ts";
import { type FileRecord, recordsOf } from "./record-file.ts";

/** Changes with the layout of what is stored. */
const layout = "tfrecord 1";
const inputsFile = "inputs.bin";

/**
 * Opens TFRecord files: every record is found, checked by its checksums and parsed once. Images and bytes are then read where they
 * lie, numbers from a copy of their own. Throws `DATASET_NOT_FOUND`; `DATASET_CORRUPT` for a file that ends early or a damaged length;
 * `DATASET_SCHEMA` if the first record lacks a feature; `BAD_RECORD` for another that is not as declared, unless those are skipped.
 */
export async function openTfRecord(
  declaration: TfRecordDeclaration,
  context: SourceContext,
): Promise<CheckedSource<RangeHandles | ImageRangeHandles | RecordHandles>> {
  const { input, label } = declaration;
  const files = await findFiles(declaration.files, context);
  const contents = await digestFiles(files, context);
  const decoder = input.type === "image" ? decoderVersion : null;
  const meaning = { layout, input, decoder, label, files: files.map(({ name }, i) => [name, contents[i]]) };
  const digest = createHash("sha256").update(JSON.stringify(meaning)).digest("hex");
  const stored = await storedData(digest, context, (staged) =>
    indexRecords(files, declaration, staged, context.signal),
  );
  const labelField = labelFieldOf(label);
  const index = await openIndex(stored, files, labelField, context);
  const { numSamples, badRecords, keys, labels, places, budget } = index;
  const classNames = label.type === "name" ? label.classNames : null;
  const known = {
    numSamples,
    numClasses: label.type === "class" ? label.numClasses : (classNames?.length ?? null),
    classNames,
    label: labelField,
    columns: null,
    digest,
    canSeek: true,
    badRecords,
    keys,
  };
  if (input.type === "image" || input.type === "bytes") {
    const placed = files.map((file, i) => ({ ...file, numSamples: places.files[i]!.numSamples }));
    const { ranges, capacity } = await openRanges(stored.directory, placed, budget);
    if (input.type === "bytes") {
      const handles: RangeHandles = { kind: "ranges", ranges, labels, labelField, places };
      return { ...known, input: { shape: [null], dtype: "uint8", capacity }, handles };
    }
    const { height, width, channels, fit } = input;
    const spec = { height, width, channels, fit };
    const handles: ImageRangeHandles = { kind: "imageRanges", ranges, labels, labelField, spec, places };
    return { ...known, input: { shape: [height, width, channels], dtype: "uint8" }, handles };
  }
  const inputField: FieldSpec = { shape: input.shape, dtype: input.type === "float" ? "float32" : "int32" };
  const length = input.shape.reduce((product, size) => product * size, numSamples);
  const path = `${stored.directory}/${inputsFile}`;
  const inputs = await openBlock({ path, byteOffset: 0, dtype: inputField.dtype, length }, budget);
  return { ...known, input: inputField, handles: { kind: "records", inputs, labels, inputField, labelField, places } };
}

async function indexRecords(
  files: readonly DataFile[],
  declaration: TfRecordDeclaration,
  staged: StagedFiles,
  signal: AbortSignal | undefined,
): Promise<IndexMeta> {
  const index = await IndexWriter.create(staged, labelFieldOf(declaration.label));
  const inputs = await InputWriter.create(staged, declaration.input);
  const indexed: IndexedFile[] = [];
  let isFirst = true;
  for (const file of files) {
    index.beginFile(file);
    let number = 0;
    for await (const records of recordsOf(file, signal)) {
      for (const record of records) {
        number += 1;
        if (isFirst && record.isWhole) checkFirst(file, record, declaration);
        isFirst = false;
        const failure = addRecord(record, number, declaration, index, inputs);
        if (failure !== null) index.addBad(number, failure);
      }
      await Promise.all([index.flush(), inputs.flush()]);
    }
    indexed.push(await index.endFile());
  }
  return { unit: "record", files: indexed };
}

/** Adds a record to the index, or says why it is none. */
function addRecord(
  record: FileRecord,
  number: number,
  { label }: TfRecordDeclaration,
  index: IndexWriter,
  inputs: InputWriter,
): string | null {
  if (!record.isWhole) return "its checksum is another";
  try {
    const features = parseExample(record.bytes);
    const value = labelOf(record.bytes, features, label);
    inputs.add(record, features);
    index.addSample(number, value);
    return null;
  } catch (cause) {
    return (cause as Error).message;
  }
}

/** Writes where inputs are, or what they are. */
class InputWriter {
  readonly #input: TfRecordInput;
  readonly #writer: RangeWriter | NumberWriter;

  private constructor(input: TfRecordInput, writer: RangeWriter | NumberWriter) {
    this.#input = input;
    this.#writer = writer;
  }

  static async create(files: StagedFiles, input: TfRecordInput): Promise<InputWriter> {
    if (input.type === "image" || input.type === "bytes")
      return new InputWriter(input, await RangeWriter.create(files));
    const format = input.type === "float" ? new Float32Array() : new Int32Array();
    return new InputWriter(input, new NumberWriter(await files.create(inputsFile), format));
  }

  /** Adds all of an input, or nothing: throws an Error for one that is not as declared. */
  add({ bytes, position }: FileRecord, features: ReadonlyMap<string, Feature>): void {
    const feature = featureOf(features, this.#input);
    if (this.#writer instanceof RangeWriter) {
      const { start, end } = oneBytes(bytes, feature, this.#input);
      this.#writer.add(position + start, end - start);
      return;
    }
    for (const number of numbersOf(bytes, feature, this.#input)) this.#writer.push(number);
  }

  flush(): Promise<void> {
    return this.#writer.flush();
  }
}

/** What the first record lacks, all lack: that is no bad record, but a wrong declaration. */
function checkFirst({ path }: DataFile, { bytes }: FileRecord, { input, label }: TfRecordDeclaration): void {
  let features: ReadonlyMap<string, Feature>;
  try {
    features = parseExample(bytes);
  } catch (cause) {
    throw datasetSchema(path, input.feature, "records that are tf.train.Example", (cause as Error).message);
  }
  for (const part of [input, label]) {
    const feature = features.get(part.feature);
    const names = [...features.keys()].slice(0, 20).join(", ");
    if (feature === undefined) throw datasetSchema(path, part.feature, "a feature of this name", `only ${names}`);
    if (feature.kind !== kindOf(part)) {
      throw datasetSchema(path, part.feature, `a list of ${kindOf(part)}`, `one of ${feature.kind}`);
    }
  }
}
