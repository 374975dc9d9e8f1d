import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { datasetCorrupt, datasetNotFound, datasetSchema, labelOutOfRange } from "../errors.ts";
import { type DType, type FieldSpec, numElements } from "../fields.ts";
import { digestFiles } from "../files/content-digest.ts";
import { type DataFile, type FilePattern, findFiles } from "../files/find-files.ts";
import { type Block, BlockReader, MemoryBudget, openBlock, type Region } from "../records/block.ts";
import type { RecordHandles } from "../records/record-source.ts";
import { storedData } from "../records/stored-data.ts";
import { type CheckedSource, noBadRecords, type SourceContext } from "../source.ts";
import { convertArray } from "./convert-array.ts";
import {
  dataBytes,
  isNative,
  type NpyHeader,
  npyHeaderBytes,
  numberFormatOf,
  parseNpyHeader,
  prefixBytes,
} from "./npy-header.ts";
import { readZipEntries, zipEntryBytes } from "./zip.ts";

/** Two arrays of NumPy, each in a file. */
export interface NpyDeclaration {
  readonly kind: "npy";
  readonly inputs: FilePattern;
  readonly labels: FilePattern;
  /** Of labels that are classes; null: targets of any shape. */
  readonly numClasses: number | null;
}

/** Two arrays of an archive that NumPy's `savez` or `savez_compressed` wrote. */
export interface NpzDeclaration {
  readonly kind: "npz";
  readonly file: FilePattern;
  /** Names of arrays in it. */
  readonly inputs: string;
  readonly labels: string;
  readonly numClasses: number | null;
}

/** Arrays of NumPy by path: `{inputs: "/data/x.npy", labels: "/data/y.npy", numClasses: 10}`; the first dimension is that of samples. */
export function npySource(options: {
  readonly inputs: FilePattern;
  readonly labels: FilePattern;
  readonly numClasses?: number;
}): NpyDeclaration {
  const { inputs, labels, numClasses = null } = options;
  return { kind: "npy", inputs, labels, numClasses };
}

/** Arrays of an archive of NumPy by name: `{file: "/data/both.npz", inputs: "x", labels: "y", numClasses: 10}`. */
export function npzSource(options: {
  readonly file: FilePattern;
  readonly inputs: string;
  readonly labels: string;
  readonly numClasses?: number;
}): NpzDeclaration {
  const { file, inputs, labels, numClasses = null } = options;
  return { kind: "npz", file, inputs, labels, numClasses };
}

/** Changes with the layout of what is stored. */
const layout = "arrays 1";

/** An array whose numbers lie in a file in one of our formats. */
interface ArrayRegion {
  readonly shape: readonly number[];
  readonly region: Region;
}

interface StoredArray {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

type Side = "inputs" | "labels";

/**
 * Opens two files of NumPy: read where they lie if their numbers are uint8, int32 or float32, else converted once. Throws
 * `DATASET_NOT_FOUND`, `DATASET_CORRUPT`, `LABEL_OUT_OF_RANGE`.
 */
export async function openNpy(
  declaration: NpyDeclaration,
  context: SourceContext,
): Promise<CheckedSource<RecordHandles>> {
  const { numClasses } = declaration;
  const files = {
    inputs: await oneFile(declaration.inputs, context),
    labels: await oneFile(declaration.labels, context),
  };
  const contents = await digestFiles([files.inputs, files.labels], context);
  const digest = digestOf([layout, "npy", contents, numClasses]);
  const open = async (side: Side): Promise<ArrayRegion> => {
    const file = files[side];
    const header = await readHeader(file);
    const wanted = wantedDtype(side, numClasses);
    if (isNative(header) && (wanted ?? numberFormatOf(header).dtype) === numberFormatOf(header).dtype) {
      return inPlace(file, header);
    }
    const { directory, meta } = await storedData(`${digest}-${side}`, context, async (staged) => {
      const output = await staged.create("numbers.bin");
      const converted = await convertArray(
        file.path,
        createReadStream(file.path, { highWaterMark: 1 << 22 }),
        wanted,
        output,
      );
      return { shape: [...converted.header.shape], dtype: converted.dtype };
    });
    return asRegion(`${directory}/numbers.bin`, meta);
  };
  const [inputs, labels] = [await open("inputs"), await open("labels")];
  return recordsOf(
    inputs,
    labels,
    { digest, numClasses, inputs: files.inputs.path, labels: files.labels.path },
    context,
  );
}

/** Opens two arrays of an archive, which are unpacked once. Throws as `openNpy` does, and `DATASET_SCHEMA` for a name that it lacks. */
export async function openNpz(
  declaration: NpzDeclaration,
  context: SourceContext,
): Promise<CheckedSource<RecordHandles>> {
  const { numClasses } = declaration;
  const file = await oneFile(declaration.file, context);
  const contents = await digestFiles([file], context);
  const digest = digestOf([layout, "npz", contents, declaration.inputs, declaration.labels, numClasses]);
  const { directory, meta } = await storedData(digest, context, async (staged) => {
    const entries = await readZipEntries(file.path);
    const unpack = async (side: Side): Promise<StoredArray> => {
      const name = declaration[side];
      const entry = entries.find((candidate) => candidate.name === `${name}.npy`);
      if (entry === undefined) {
        const found = entries.map((candidate) => candidate.name.replace(/\.npy$/, "")).slice(0, 20);
        throw datasetSchema(file.path, name, "an array of this name", `only ${found.join(", ")}`);
      }
      const output = await staged.create(`${side}.bin`);
      const place = `${file.path} (${name})`;
      const converted = await convertArray(
        place,
        zipEntryBytes(file.path, entry),
        wantedDtype(side, numClasses),
        output,
      );
      return { shape: [...converted.header.shape], dtype: converted.dtype };
    };
    return { inputs: await unpack("inputs"), labels: await unpack("labels") };
  });
  const [inputs, labels] = (["inputs", "labels"] as const).map((side) =>
    asRegion(`${directory}/${side}.bin`, meta[side]),
  );
  const names = { inputs: `${file.path} (${declaration.inputs})`, labels: `${file.path} (${declaration.labels})` };
  return recordsOf(inputs!, labels!, { digest, numClasses, ...names }, context);
}

/** Classes are int32; all else keeps its format, or the next that we have. */
function wantedDtype(side: Side, numClasses: number | null): DType | null {
  return side === "labels" && numClasses !== null ? "int32" : null;
}

async function recordsOf(
  inputs: ArrayRegion,
  labels: ArrayRegion,
  source: {
    readonly digest: string;
    readonly numClasses: number | null;
    readonly inputs: string;
    readonly labels: string;
  },
  context: SourceContext,
): Promise<CheckedSource<RecordHandles>> {
  const { digest, numClasses } = source;
  const [numSamples = 0, ...inputShape] = inputs.shape;
  const [numLabels = 0, ...labelShape] = labels.shape;
  if (numSamples === 0) throw datasetCorrupt(source.inputs, "samples", "1 or more", 0);
  if (numLabels !== numSamples) {
    throw datasetCorrupt(source.labels, "number of labels", `${numSamples} (as many as inputs)`, numLabels);
  }
  if (numClasses !== null && numElements(labelShape) !== 1) {
    throw datasetCorrupt(source.labels, "shape of a class", "[] or [1]", `[${labelShape.join(",")}]`);
  }
  const budget = new MemoryBudget(context.memoryBytes);
  const labelBlock = await openBlock(labels.region, budget);
  const inputBlock = await openBlock(inputs.region, budget);
  if (numClasses !== null) checkClasses(labelBlock, numSamples, numClasses, source.labels, context.signal);
  const inputField: FieldSpec = { shape: inputShape, dtype: inputs.region.dtype };
  const labelField: FieldSpec = { shape: numClasses === null ? labelShape : [], dtype: labels.region.dtype };
  return {
    numSamples,
    numClasses,
    classNames: null,
    input: inputField,
    label: labelField,
    columns: null,
    digest,
    canSeek: true,
    keys: null,
    badRecords: noBadRecords,
    handles: {
      kind: "records",
      inputs: inputBlock,
      labels: labelBlock,
      inputField,
      labelField,
      places: { unit: "index", files: [{ path: source.inputs, numSamples }], numbersPath: null },
    },
  };
}

/** Throws `LABEL_OUT_OF_RANGE` for the first label that is no class. */
function checkClasses(labels: Block, numSamples: number, numClasses: number, path: string, signal?: AbortSignal): void {
  const reader = new BlockReader(labels, 1);
  const atOnce = 1 << 16;
  for (let first = 0; first < numSamples; first += atOnce) {
    signal?.throwIfAborted();
    const count = Math.min(atOnce, numSamples - first);
    reader.load(Uint32Array.from({ length: count }, (_, k) => first + k));
    for (let k = 0; k < count; k++) {
      const label = reader.view(k)[0]!;
      if (label < 0 || label >= numClasses) throw labelOutOfRange(path, first + k, label, numClasses);
    }
  }
}

async function oneFile(pattern: FilePattern, context: SourceContext): Promise<DataFile> {
  const files = await findFiles([pattern], context);
  if (files.length === 1) return files[0]!;
  throw datasetCorrupt(typeof pattern === "string" ? pattern : pattern.url, "files that match", 1, files.length);
}

async function readHeader({ path, sizeBytes }: DataFile): Promise<NpyHeader> {
  const file = await open(path, "r").catch((cause) => {
    throw datasetNotFound(path, cause);
  });
  try {
    const read = async (numBytes: number) => {
      const bytes = Buffer.alloc(Math.min(numBytes, sizeBytes));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
      return bytes.subarray(0, bytesRead);
    };
    const headerBytes = npyHeaderBytes(path, await read(prefixBytes));
    const header = await read(headerBytes);
    if (header.length < headerBytes)
      throw datasetCorrupt(path, "truncated", `${headerBytes} bytes`, `${header.length} bytes`);
    return parseNpyHeader(path, header);
  } finally {
    await file.close();
  }
}

function inPlace({ path, sizeBytes }: DataFile, header: NpyHeader): ArrayRegion {
  const expected = header.headerBytes + dataBytes(header);
  if (sizeBytes !== expected) {
    const what = sizeBytes < expected ? "truncated" : "trailing bytes";
    throw datasetCorrupt(path, what, `${expected} bytes`, `${sizeBytes} bytes`);
  }
  const { dtype } = numberFormatOf(header);
  const length = numElements(header.shape);
  return { shape: header.shape, region: { path, byteOffset: header.headerBytes, dtype, length } };
}

function asRegion(path: string, { shape, dtype }: StoredArray): ArrayRegion {
  return { shape, region: { path, byteOffset: 0, dtype, length: numElements(shape) } };
}

function digestOf(meaning: unknown): string {
  return createHash("sha256").update(JSON.stringify(meaning)).digest("hex");
}
