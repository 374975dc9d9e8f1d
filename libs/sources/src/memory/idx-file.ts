import { type FileHandle, open } from "node:fs/promises";
import { datasetCorrupt, datasetNotFound } from "../errors.ts";
import { numElements } from "../fields.ts";
import { allocateShared } from "../shared-memory.ts";

/** The only element type of the IDX format that image and label files use. */
const ubyteType = 0x08;

interface IdxFile {
  readonly dimensions: readonly number[];
  /** The elements, in shared memory. */
  readonly data: Uint8Array;
}

/**
 * Reads an IDX file of unsigned bytes whole (format: two zero bytes, element type, number of dimensions, each
 * dimension as a big-endian uint32, then the elements). `numDimensions` null accepts two or more.
 * Throws `DATASET_NOT_FOUND`; `DATASET_CORRUPT` for a wrong magic number, a truncated file or trailing bytes.
 */
export async function readIdxFile(path: string, numDimensions: number | null): Promise<IdxFile> {
  const file = await openFile(path);
  try {
    const { size } = await file.stat();
    const magic = await readHeader(file, path, 0, 4, size);
    const rank = magic[3]!;
    const rankFits = numDimensions === null ? rank >= 2 : rank === numDimensions;
    if (magic.readUInt16BE(0) !== 0 || magic[2] !== ubyteType || !rankFits) {
      const expected = formatMagic(0x0800 + (numDimensions ?? 3));
      throw datasetCorrupt(path, "magic number", expected, formatMagic(magic.readUInt32BE(0)));
    }
    const sizes = await readHeader(file, path, 4, 4 * rank, size);
    const dimensions = Array.from({ length: rank }, (_, axis) => sizes.readUInt32BE(4 * axis));
    const headerBytes = 4 + 4 * rank;
    const expectedBytes = headerBytes + numElements(dimensions);
    if (size !== expectedBytes) {
      throw datasetCorrupt(
        path,
        size < expectedBytes ? "truncated" : "trailing bytes",
        `${expectedBytes} bytes`,
        `${size} bytes`,
      );
    }
    const data = new Uint8Array(allocateShared(expectedBytes - headerBytes), 0, expectedBytes - headerBytes);
    await readFully(file, path, data, headerBytes);
    return { dimensions, data };
  } finally {
    await file.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (cause) {
    throw datasetNotFound(path, cause);
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw datasetNotFound(path, new Error("not a file"));
}

async function readHeader(file: FileHandle, path: string, at: number, numBytes: number, size: number): Promise<Buffer> {
  if (size < at + numBytes)
    throw datasetCorrupt(path, "truncated", `${at + numBytes} bytes of header`, `${size} bytes`);
  const header = Buffer.alloc(numBytes);
  await readFully(file, path, header, at);
  return header;
}

/** Fills `target`, which a single read need not do (Linux reads 2 GiB at most at once). */
async function readFully(file: FileHandle, path: string, target: Uint8Array, position: number): Promise<void> {
  const chunkBytes = 1 << 30;
  for (let offset = 0; offset < target.length; ) {
    const length = Math.min(chunkBytes, target.length - offset);
    const { bytesRead } = await file.read(target, offset, length, position + offset);
    if (bytesRead === 0) throw datasetCorrupt(path, "truncated", `${target.length} bytes`, `${offset} bytes`);
    offset += bytesRead;
  }
}

function formatMagic(magic: number): string {
  return `0x${magic.toString(16).padStart(8, "0")}`;
}
