import { createReadStream } from "node:fs";
import { datasetCorrupt, datasetNotFound } from "../errors.ts";
import type { DataFile } from "../files/find-files.ts";
import { crc32c } from "./crc32c.ts";

/** A record of a TFRecord file (format: tensorflow.org/tutorials/load_data/tfrecord): a length, its checksum, bytes, their checksum. */
export interface FileRecord {
  /** Of `bytes` in the file. */
  readonly position: number;
  readonly bytes: Buffer;
  /** Whether the bytes have the checksum that stands behind them. */
  readonly isWhole: boolean;
}

const lengthBytes = 8;
const checksumBytes = 4;
const headBytes = lengthBytes + checksumBytes;
const readBytes = 1 << 22;
const maskDelta = 0xa282_ead8;

/** A checksum as these files have it: so that a checksum over bytes that have checksums is none of those. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + maskDelta) >>> 0;
}

/**
 * The records of a file, some at a time; their bytes are valid until the next are asked for. Throws `DATASET_NOT_FOUND`;
 * `DATASET_CORRUPT` where a length is damaged or the file ends within a record: nothing says where the next would begin.
 */
export async function* recordsOf(
  { path, sizeBytes }: DataFile,
  signal: AbortSignal | undefined,
): AsyncGenerator<FileRecord[]> {
  let rest: Buffer = Buffer.alloc(0);
  /** Of `rest` in the file. */
  let position = 0;
  let numRecords = 0;
  for await (const chunk of chunksOf(path)) {
    signal?.throwIfAborted();
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const records: FileRecord[] = [];
    let at = 0;
    while (rest.length - at >= headBytes) {
      const length = lengthAt(path, rest, at, numRecords + 1);
      const end = at + headBytes + length;
      // A record beyond the file's end is not waited for: all that follows would be gathered in memory.
      if (position + end + checksumBytes > sizeBytes) throw endsWithin(path, numRecords + 1, sizeBytes - position - at);
      if (rest.length < end + checksumBytes) break;
      const bytes = rest.subarray(at + headBytes, end);
      const isWhole = maskedCrc32c(bytes) === rest.readUInt32LE(end);
      records.push({ position: position + at + headBytes, bytes, isWhole });
      numRecords += 1;
      at = end + checksumBytes;
    }
    if (records.length > 0) yield records;
    rest = rest.subarray(at);
    position += at;
  }
  if (rest.length > 0) throw endsWithin(path, numRecords + 1, rest.length);
}

function endsWithin(path: string, number: number, numBytes: number) {
  return datasetCorrupt(path, "truncated", `record ${number} to its end`, `${numBytes} bytes of it`);
}

async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: readBytes })) yield chunk as Buffer;
  } catch (cause) {
    throw datasetNotFound(path, cause);
  }
}

function lengthAt(path: string, bytes: Buffer, at: number, number: number): number {
  const found = bytes.readUInt32LE(at + lengthBytes);
  const expected = maskedCrc32c(bytes.subarray(at, at + lengthBytes));
  if (found === expected) return Number(bytes.readBigUInt64LE(at));
  const isGzip = at === 0 && bytes[0] === 0x1f && bytes[1] === 0x8b;
  const what = isGzip ? "compression" : `checksum of the length of record ${number}`;
  throw datasetCorrupt(path, what, isGzip ? "none" : expected, isGzip ? "gzip" : found);
}
