import { datasetCorrupt } from "../errors.ts";
import { type DType, type TypedArray, viewOf } from "../fields.ts";
import type { StagedFile } from "../records/stored-data.ts";
import {
  dataBytes,
  isSwapped,
  type NpyHeader,
  npyHeaderBytes,
  numberFormatOf,
  parseNpyHeader,
  prefixBytes,
} from "./npy-header.ts";

/**
 * Converts an array in NumPy's format, which comes in pieces, to numbers of `dtype` (null: what its format becomes) in `output`.
 * Throws `DATASET_CORRUPT` for one that ends early or late, or has an integer beyond int32.
 */
export async function convertArray(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  dtype: DType | null,
  output: StagedFile,
): Promise<{ readonly header: NpyHeader; readonly dtype: DType }> {
  let header: NpyHeader | null = null;
  let rest = Buffer.alloc(0);
  let numRead = 0;
  for await (const piece of pieces) {
    rest = rest.length === 0 ? Buffer.from(piece) : Buffer.concat([rest, piece]);
    if (header === null) {
      const headerBytes =
        rest.length < prefixBytes ? Number.POSITIVE_INFINITY : npyHeaderBytes(path, rest.subarray(0, prefixBytes));
      if (rest.length < headerBytes) continue;
      header = parseNpyHeader(path, rest.subarray(0, headerBytes));
      rest = rest.subarray(headerBytes);
    }
    const whole = rest.length - (rest.length % numberFormatOf(header).bytes);
    await output.append(narrow(path, rest.subarray(0, whole), header, dtype));
    numRead += whole;
    rest = rest.subarray(whole);
  }
  if (header === null) throw datasetCorrupt(path, "truncated", "an array of NumPy", `${rest.length} bytes`);
  const found = numRead + rest.length;
  if (found !== dataBytes(header)) {
    const what = found < dataBytes(header) ? "truncated" : "trailing bytes";
    throw datasetCorrupt(path, what, `${dataBytes(header)} bytes of numbers`, `${found} bytes`);
  }
  return { header, dtype: dtype ?? numberFormatOf(header).dtype };
}

const int32Limits = { int32: [-(2 ** 31), 2 ** 31 - 1], uint8: [0, 255] } as const;

function narrow(path: string, bytes: Buffer, header: NpyHeader, dtype: DType | null): TypedArray {
  const format = numberFormatOf(header);
  // A copy of its own, which may be aligned and turned.
  const copy = Buffer.from(new Uint8Array(bytes).buffer);
  if (isSwapped(header)) swap(copy, format.bytes);
  const numbers = format.view(copy.buffer);
  const wanted = dtype ?? format.dtype;
  const target = viewOf(new ArrayBuffer(4 * numbers.length), wanted, 0, numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    const value = Number(numbers[i]);
    if (wanted !== "float32") {
      const [low, high] = int32Limits[wanted];
      if (!(Number.isInteger(value) && value >= low && value <= high)) {
        throw datasetCorrupt(path, "value", `an integer of ${wanted}`, String(value));
      }
    }
    target[i] = value;
  }
  return target;
}

function swap(bytes: Buffer, size: number): void {
  if (size === 2) bytes.swap16();
  else if (size === 4) bytes.swap32();
  else if (size === 8) bytes.swap64();
}
