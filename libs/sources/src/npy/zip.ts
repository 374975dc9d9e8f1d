import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import { datasetCorrupt, datasetNotFound } from "../errors.ts";

/** A file in a ZIP archive (specification: PKWARE APPNOTE 6.3, with its 64-bit sizes). */
export interface ZipEntry {
  readonly name: string;
  /** 0: stored, 8: deflated. */
  readonly method: number;
  readonly crc: number;
  readonly compressedBytes: number;
  /** Of its local header. */
  readonly position: number;
}

const endSignature = 0x0605_4b50;
const end64Signature = 0x0606_4b50;
const end64LocatorSignature = 0x0706_4b50;
const entrySignature = 0x0201_4b50;
const localSignature = 0x0403_4b50;
const endBytes = 22;
const maxCommentBytes = 0xffff;
/** What a 32-bit field says when the true value stands among the extra fields. */
const elsewhere = 0xffff_ffff;

/** The files of an archive. Throws `DATASET_NOT_FOUND`, `DATASET_CORRUPT` for what is no archive or a cut off one. */
export async function readZipEntries(path: string): Promise<ZipEntry[]> {
  const file = await open(path, "r").catch((cause) => {
    throw datasetNotFound(path, cause);
  });
  try {
    const { size } = await file.stat();
    const directory = await findDirectory(file, path, size);
    const bytes = await read(file, path, directory.position, directory.bytes);
    const entries: ZipEntry[] = [];
    for (let at = 0; entries.length < directory.numEntries; ) {
      if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== entrySignature) throw noArchive(path);
      const nameEnd = at + 46 + bytes.readUInt16LE(at + 28);
      const extraEnd = nameEnd + bytes.readUInt16LE(at + 30);
      entries.push(entryOf(bytes, at, nameEnd, extraEnd));
      at = extraEnd + bytes.readUInt16LE(at + 32);
    }
    return entries;
  } catch (cause) {
    // A damaged length, which leads out of the list.
    throw cause instanceof RangeError ? noArchive(path) : cause;
  } finally {
    await file.close();
  }
}

/** What is in an entry, in pieces. Throws `DATASET_CORRUPT` for another method, for damage, or if its checksum is another. */
export async function* zipEntryBytes(path: string, entry: ZipEntry): AsyncGenerator<Uint8Array> {
  const { name, method, crc, compressedBytes, position } = entry;
  if (method !== 0 && method !== 8) throw datasetCorrupt(path, `compression of ${name}`, "none or deflate", method);
  const file = await open(path, "r");
  let start: number;
  try {
    const local = await read(file, path, position, 30);
    if (local.readUInt32LE(0) !== localSignature) throw noArchive(path);
    start = position + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
    if (start + compressedBytes > (await file.stat()).size) throw noArchive(path);
  } finally {
    await file.close();
  }
  const raw =
    compressedBytes === 0
      ? Readable.from([])
      : createReadStream(path, { start, end: start + compressedBytes - 1, highWaterMark: 1 << 20 });
  let found = 0;
  try {
    for await (const piece of method === 8 ? raw.pipe(createInflateRaw()) : raw) {
      found = crc32(piece as Buffer, found);
      yield piece as Buffer;
    }
  } catch (cause) {
    throw datasetCorrupt(
      path,
      `content of ${name}`,
      "deflated bytes",
      cause instanceof Error ? cause.message : String(cause),
    );
  } finally {
    raw.destroy();
  }
  if (found !== crc) throw datasetCorrupt(path, `checksum of ${name}`, crc, found);
}

function entryOf(bytes: Buffer, at: number, nameEnd: number, extraEnd: number): ZipEntry {
  let [compressedBytes, size, position] = [
    bytes.readUInt32LE(at + 20),
    bytes.readUInt32LE(at + 24),
    bytes.readUInt32LE(at + 42),
  ];
  for (let extra = nameEnd; extra + 4 <= extraEnd; extra += 4 + bytes.readUInt16LE(extra + 2)) {
    if (bytes.readUInt16LE(extra) !== 1) continue;
    // Only those that are elsewhere stand here, in this order.
    let field = extra + 4;
    const trueValue = (value: number) => {
      if (value !== elsewhere) return value;
      field += 8;
      return Number(bytes.readBigUInt64LE(field - 8));
    };
    size = trueValue(size);
    compressedBytes = trueValue(compressedBytes);
    position = trueValue(position);
  }
  return {
    name: bytes.toString("utf8", at + 46, nameEnd),
    method: bytes.readUInt16LE(at + 10),
    crc: bytes.readUInt32LE(at + 16),
    compressedBytes,
    position,
  };
}

/** Where the list of files is: said at the end of the archive, before a comment. */
async function findDirectory(file: FileHandle, path: string, size: number) {
  const tailBytes = Math.min(size, endBytes + maxCommentBytes);
  const tail = await read(file, path, size - tailBytes, tailBytes);
  let at = tailBytes - endBytes;
  while (at >= 0 && tail.readUInt32LE(at) !== endSignature) at -= 1;
  if (at < 0) throw noArchive(path);
  const found = {
    numEntries: tail.readUInt16LE(at + 10),
    bytes: tail.readUInt32LE(at + 12),
    position: tail.readUInt32LE(at + 16),
  };
  if (at < 20 || tail.readUInt32LE(at - 20) !== end64LocatorSignature) return found;
  const end64 = await read(file, path, Number(tail.readBigUInt64LE(at - 12)), 56);
  if (end64.readUInt32LE(0) !== end64Signature) throw noArchive(path);
  const [numEntries, bytes, position] = [32, 40, 48].map((field) => Number(end64.readBigUInt64LE(field)));
  return { numEntries: numEntries!, bytes: bytes!, position: position! };
}

async function read(file: FileHandle, path: string, position: number, numBytes: number): Promise<Buffer> {
  const { size } = await file.stat();
  // What a damaged archive says may be beyond its end, or beyond any memory.
  if (!(position >= 0 && position + numBytes <= size)) throw noArchive(path);
  const bytes = Buffer.alloc(numBytes);
  const { bytesRead } = await file.read(bytes, 0, numBytes, position);
  if (bytesRead < numBytes) throw noArchive(path);
  return bytes;
}

function noArchive(path: string) {
  return datasetCorrupt(path, "content", "a whole ZIP archive", "none, or one that was cut off");
}
