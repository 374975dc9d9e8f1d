import { defect } from "@anneal/contracts";
import type { GeneratorDeclaration } from "./generator/declaration.ts";
import { openGenerator } from "./generator/generator-source.ts";
import { type ImageFolderDeclaration, openImageFolder } from "./images/image-folder.ts";
import {
  type ImageFileHandles,
  type ImageRangeHandles,
  imageFileReader,
  imageRangeReader,
} from "./images/image-reader.ts";
import { type ArraysDeclaration, openArrays } from "./memory/arrays.ts";
import { type FashionMnistDeclaration, openFashionMnist } from "./memory/fashion-mnist.ts";
import { type IdxDeclaration, openIdx } from "./memory/idx.ts";
import { type MemoryHandles, memoryReader } from "./memory/memory-source.ts";
import { openTextWindows, type TextWindowsDeclaration } from "./memory/text-windows.ts";
import { type NpyDeclaration, type NpzDeclaration, openNpy, openNpz } from "./npy/array-files.ts";
import { type RangeHandles, rangeReader } from "./ranges/range-source.ts";
import { type RecordHandles, recordReader } from "./records/record-source.ts";
import type { CheckedSource, SampleReader, SourceContext } from "./source.ts";
import type { StreamHandles } from "./stream.ts";
import type { TableDeclaration } from "./table/declaration.ts";
import { openTable } from "./table/table-source.ts";
import { openTextLines, type TextLinesDeclaration } from "./text-lines/text-lines.ts";
import type { TfRecordDeclaration } from "./tfrecord/declaration.ts";
import { openTfRecord } from "./tfrecord/tfrecord-source.ts";
import type { TopicDeclaration } from "./topic/declaration.ts";
import { openTopic } from "./topic/topic-source.ts";

/** Where samples come from: plain and cheap, nothing is read. A new kind is one more member here and one more opener below. */
export type SourceDeclaration =
  | IdxDeclaration
  | FashionMnistDeclaration
  | TextWindowsDeclaration
  | ArraysDeclaration
  | ImageFolderDeclaration
  | TableDeclaration
  | GeneratorDeclaration
  | TextLinesDeclaration
  | NpyDeclaration
  | NpzDeclaration
  | TfRecordDeclaration
  | TopicDeclaration;

/** What threads need to read a source. A new way to read is one more member here and one more reader below. */
export type SourceHandles =
  | MemoryHandles
  | ImageFileHandles
  | ImageRangeHandles
  | RecordHandles
  | RangeHandles
  | StreamHandles;

/** A source that was opened and checked. */
export type OpenSource = CheckedSource<SourceHandles>;

type Kind = SourceDeclaration["kind"];
type DeclarationOf<K extends Kind> = Extract<SourceDeclaration, { readonly kind: K }>;

const openers: {
  readonly [K in Kind]: (declaration: DeclarationOf<K>, context: SourceContext) => Promise<OpenSource>;
} = {
  idx: openIdx,
  fashionMnist: openFashionMnist,
  text: openTextWindows,
  arrays: openArrays,
  imageFolder: openImageFolder,
  table: openTable,
  generator: openGenerator,
  textLines: openTextLines,
  npy: openNpy,
  npz: openNpz,
  tfrecord: openTfRecord,
  topic: openTopic,
};

/**
 * Opens and checks a source: finds all its samples, so that any can be read by its index, and converts what cannot be read so, once.
 * Throws `DATASET_NOT_FOUND`, `DATASET_CORRUPT`, `DATASET_SCHEMA`, `LABEL_OUT_OF_RANGE`, `SOURCE_FAILED`; `BAD_RECORD` unless bad
 * records are to be skipped; `DOWNLOAD_FAILED`, `HASH_MISMATCH`; `DISK_FULL`.
 */
export function openSource<K extends Kind>(declaration: DeclarationOf<K>, context: SourceContext): Promise<OpenSource> {
  const open: (declaration: DeclarationOf<K>, context: SourceContext) => Promise<OpenSource> =
    openers[declaration.kind as K];
  return open(declaration, context);
}

const readers: {
  readonly [K in SourceHandles["kind"]]: (handles: Extract<SourceHandles, { readonly kind: K }>) => SampleReader;
} = {
  memory: memoryReader,
  imageFiles: imageFileReader,
  imageRanges: imageRangeReader,
  records: recordReader,
  ranges: rangeReader,
  stream: () => {
    throw defect("A stream is read in its order, by openStream.");
  },
};

/** A reader for one thread, of any source but a stream. */
export function createReader(handles: SourceHandles): SampleReader {
  const create: (handles: never) => SampleReader = readers[handles.kind];
  return create(handles as never);
}
