import { datasetCorrupt } from "../errors.ts";
import { type DType, numElements } from "../fields.ts";

/** What an array in NumPy's format is (specification: numpy.lib.format, versions 1 to 3). */
export interface NpyHeader {
  /** NumPy's name of the number format, e.g. `<f4`. */
  readonly descr: string;
  readonly shape: readonly number[];
  /** Where the numbers begin. */
  readonly headerBytes: number;
}

/** How the numbers of a format are read, and what they become. */
export interface NumberFormat {
  readonly bytes: 1 | 2 | 4 | 8;
  readonly dtype: DType;
  /** The numbers of some bytes, in the machine's order (little-endian). */
  readonly view: (buffer: ArrayBuffer) => ArrayLike<number | bigint>;
}

/** By NumPy's kind and size: what becomes uint8, int32 or float32. Integers are checked when they are narrowed. */
const numberFormats: Readonly<Record<string, NumberFormat>> = {
  b1: { bytes: 1, dtype: "uint8", view: (buffer) => new Uint8Array(buffer) },
  u1: { bytes: 1, dtype: "uint8", view: (buffer) => new Uint8Array(buffer) },
  i1: { bytes: 1, dtype: "int32", view: (buffer) => new Int8Array(buffer) },
  u2: { bytes: 2, dtype: "int32", view: (buffer) => new Uint16Array(buffer) },
  i2: { bytes: 2, dtype: "int32", view: (buffer) => new Int16Array(buffer) },
  u4: { bytes: 4, dtype: "int32", view: (buffer) => new Uint32Array(buffer) },
  i4: { bytes: 4, dtype: "int32", view: (buffer) => new Int32Array(buffer) },
  u8: { bytes: 8, dtype: "int32", view: (buffer) => new BigUint64Array(buffer) },
  i8: { bytes: 8, dtype: "int32", view: (buffer) => new BigInt64Array(buffer) },
  f2: { bytes: 2, dtype: "float32", view: (buffer) => new Float16Array(buffer) },
  f4: { bytes: 4, dtype: "float32", view: (buffer) => new Float32Array(buffer) },
  f8: { bytes: 8, dtype: "float32", view: (buffer) => new Float64Array(buffer) },
};

const magic = Buffer.from("\x93NUMPY", "latin1");
/** The longest beginning of a file that a header needs to say how long it is. */
export const prefixBytes = 12;

/** How many bytes the header has, from the first `prefixBytes` of a file. Throws `DATASET_CORRUPT` for what is none. */
export function npyHeaderBytes(path: string, prefix: Buffer): number {
  if (prefix.length < prefixBytes || !prefix.subarray(0, magic.length).equals(magic)) {
    throw datasetCorrupt(path, "beginning", "that of an array of NumPy", JSON.stringify(prefix.toString("latin1")));
  }
  const version = prefix[6]!;
  if (version < 1 || version > 3) throw datasetCorrupt(path, "version of the format", "1 to 3", version);
  return version === 1 ? 10 + prefix.readUInt16LE(8) : 12 + prefix.readUInt32LE(8);
}

/** The header from its bytes. Throws `DATASET_CORRUPT` for a format of numbers or an order in memory that is not read. */
export function parseNpyHeader(path: string, header: Buffer): NpyHeader {
  const start = header[6] === 1 ? 10 : 12;
  const text = header.toString("utf8", start).trim();
  const descr = /'descr':\s*'([^']+)'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape':\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || shape === undefined) {
    throw datasetCorrupt(path, "header", "descr, fortran_order and shape", text.slice(0, 200));
  }
  if (numberFormats[descr.slice(1)] === undefined) {
    throw datasetCorrupt(path, "number format", Object.keys(numberFormats).join(", "), descr);
  }
  const sizes = shape
    .split(",")
    .filter((size) => size.trim() !== "")
    .map(Number);
  if (order === "True" && sizes.length > 1) throw datasetCorrupt(path, "order in memory", "C", "Fortran");
  if (sizes.length === 0) throw datasetCorrupt(path, "dimensions", "1 or more", 0);
  return { descr, shape: sizes, headerBytes: header.length };
}

export function numberFormatOf({ descr }: NpyHeader): NumberFormat {
  return numberFormats[descr.slice(1)]!;
}

/** Whether the numbers are big-endian. */
export function isSwapped({ descr }: NpyHeader): boolean {
  return descr.startsWith(">");
}

/** Whether the numbers can be read as they lie in the file. */
export function isNative(header: NpyHeader): boolean {
  return !isSwapped(header) && ["u1", "b1", "i4", "f4"].includes(header.descr.slice(1));
}

/** Bytes of all numbers. */
export function dataBytes(header: NpyHeader): number {
  return numElements(header.shape) * numberFormatOf(header).bytes;
}
