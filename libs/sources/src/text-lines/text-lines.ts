import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { datasetNotFound, requireNames, unknownClass } from "../errors.ts";
import type { FieldSpec } from "../fields.ts";
import { digestFiles } from "../files/content-digest.ts";
import { type DataFile, type FilePattern, findFiles } from "../files/find-files.ts";
import type { RangeHandles } from "../ranges/range-source.ts";
import { openRanges, RangeWriter } from "../ranges/stored-ranges.ts";
import { type IndexedFile, type IndexMeta, IndexWriter, openIndex } from "../records/indexed.ts";
import { type StagedFiles, storedData } from "../records/stored-data.ts";
import type { CheckedSource, SourceContext } from "../source.ts";

/** Lines of text files, each a sample. */
export interface TextLinesDeclaration {
  readonly kind: "textLines";
  readonly files: readonly FilePattern[];
  /** What the class of a line is called after: the folder of its file, the file without its end, or nothing. */
  readonly classes: "folder" | "file" | null;
  /** The classes in their order; null: by name. */
  readonly classNames: readonly string[] | null;
}

export interface TextLinesOptions {
  /** Absolute paths, globs or addresses of UTF-8 files. */
  readonly files: FilePattern | readonly FilePattern[];
  /** By default lines have no class, and their labels are 0. Labels of their own: see `tableSource`, with a column of text. */
  readonly classes?: "folder" | "file";
  readonly classNames?: readonly string[];
}

/** Changes with the layout of what is stored. */
const layout = "lines 1";
const readBytes = 1 << 22;
const labelField: FieldSpec = { shape: [], dtype: "int32" };
const [newline, carriageReturn] = [0x0a, 0x0d];
const byteOrderMark = [0xef, 0xbb, 0xbf] as const;
/**
 * Lines of texts: inputs uint8[?], the UTF-8 bytes without the end of the line; labels int32 scalars. Blank lines are none.
 *
 * @throws RangeError for classNames that are none or not different
 */
export function textLinesSource(options: TextLinesOptions): TextLinesDeclaration {
  const { files, classes = null, classNames = null } = options;
  requireNames("classNames", classNames);
  const patterns: readonly FilePattern[] = Array.isArray(files) ? files : [files as FilePattern];
  return { kind: "textLines", files: patterns, classes, classNames };
}

/**
 * Finds the lines of all files, and keeps where they are in the cache. A line that is no UTF-8 is a bad record. Throws
 * `DATASET_NOT_FOUND`, `DATASET_CORRUPT` for files without a line, `DATASET_SCHEMA` for one of an unknown class, `BAD_RECORD`.
 */
export async function openTextLines(
  declaration: TextLinesDeclaration,
  context: SourceContext,
): Promise<CheckedSource<RangeHandles>> {
  const files = await findFiles(declaration.files, context);
  const { classNames, classOf } = classesOf(files, declaration);
  const contents = await digestFiles(files, context);
  const meaning = { layout, classNames, classOf, files: files.map(({ name }, i) => [name, contents[i]]) };
  const digest = createHash("sha256").update(JSON.stringify(meaning)).digest("hex");
  const stored = await storedData(digest, context, (staged) => indexLines(files, classOf, staged, context.signal));
  const index = await openIndex(stored, files, labelField, context);
  const { numSamples, badRecords, keys, labels, places, budget } = index;
  const placed = files.map((file, i) => ({ ...file, numSamples: places.files[i]!.numSamples }));
  const { ranges, capacity } = await openRanges(stored.directory, placed, budget);
  return {
    numSamples,
    numClasses: classNames?.length ?? null,
    classNames,
    input: { shape: [null], dtype: "uint8", capacity },
    label: labelField,
    columns: null,
    digest,
    canSeek: true,
    keys,
    badRecords,
    handles: { kind: "ranges", ranges, labels, labelField, places },
  };
}

/** The classes, and the place of each file's among them. */
function classesOf(files: readonly DataFile[], { classes, classNames: given }: TextLinesDeclaration) {
  if (classes === null) return { classNames: null, classOf: files.map(() => 0) };
  const names = files.map(({ path }) => {
    const parts = path.split("/");
    return classes === "folder" ? parts.at(-2)! : parts.at(-1)!.replace(/\.[^.]*$/, "");
  });
  const classNames = given ?? [...new Set(names)].sort((a, b) => (a < b ? -1 : 1));
  const classOf = names.map((name, i) => {
    const index = classNames.indexOf(name);
    if (index >= 0) return index;
    throw unknownClass(files[i]!.path, name, classNames);
  });
  return { classNames, classOf };
}

async function indexLines(
  files: readonly DataFile[],
  classOf: readonly number[],
  staged: StagedFiles,
  signal: AbortSignal | undefined,
): Promise<IndexMeta> {
  const ranges = await RangeWriter.create(staged);
  const index = await IndexWriter.create(staged, labelField);
  const indexed: IndexedFile[] = [];
  for (const [i, file] of files.entries()) {
    index.beginFile(file);
    let number = 0;
    for await (const lines of linesOf(file, signal)) {
      for (const { start, length, isText } of lines) {
        number += 1;
        if (length === 0) continue;
        if (!isText) {
          index.addBad(number, "it is no UTF-8");
          continue;
        }
        ranges.add(start, length);
        index.addSample(number, [classOf[i]!]);
      }
      await Promise.all([ranges.flush(), index.flush()]);
    }
    indexed.push(await index.endFile());
  }
  return { unit: "line", files: indexed };
}

interface Line {
  readonly start: number;
  /** In bytes, without the end of the line. */
  readonly length: number;
  readonly isText: boolean;
}

/** The lines of a file, some at a time. */
async function* linesOf({ path }: DataFile, signal: AbortSignal | undefined): AsyncGenerator<Line[]> {
  let rest = Buffer.alloc(0);
  /** Of `rest` in the file. */
  let position = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: readBytes })) {
      signal?.throwIfAborted();
      const bytes = Buffer.concat([rest, chunk as Buffer]);
      const lines: Line[] = [];
      let at = 0;
      // What was searched before has no end of a line.
      for (let end = bytes.indexOf(newline, rest.length); end >= 0; end = bytes.indexOf(newline, at)) {
        lines.push(lineIn(bytes, at, end, position));
        at = end + 1;
      }
      position += at;
      rest = bytes.subarray(at);
      yield lines;
    }
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw datasetNotFound(path, cause);
  }
  if (rest.length > 0) yield [lineIn(rest, 0, rest.length, position)];
}

function lineIn(bytes: Buffer, from: number, to: number, position: number): Line {
  const isFirst = position + from === 0;
  const start = isFirst && byteOrderMark.every((byte, i) => bytes[i] === byte) ? byteOrderMark.length : from;
  const end = to > start && bytes[to - 1] === carriageReturn ? to - 1 : to;
  const text = bytes.subarray(start, end);
  return { start: position + start, length: text.length, isText: isUtf8(text) };
}
