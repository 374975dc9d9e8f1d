import { AnnealError } from "@anneal/contracts";

export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

interface DtypeRow {
  readonly numBytes: 1 | 2 | 4 | 8;
  /** A view over `length` elements; the half formats are given as their bits, since JavaScript has no arrays for them. */
  readonly view: (buffer: ArrayBufferLike, byteOffset: number, length: number) => TensorData;
}

/** The dtypes of the safetensors format that we read and write, by their names in the format. */
export const tensorDtypes = {
  F64: { numBytes: 8, view: (buffer, offset, length) => new Float64Array(buffer, offset, length) },
  F32: { numBytes: 4, view: (buffer, offset, length) => new Float32Array(buffer, offset, length) },
  F16: { numBytes: 2, view: (buffer, offset, length) => new Uint16Array(buffer, offset, length) },
  BF16: { numBytes: 2, view: (buffer, offset, length) => new Uint16Array(buffer, offset, length) },
  I64: { numBytes: 8, view: (buffer, offset, length) => new BigInt64Array(buffer, offset, length) },
  U64: { numBytes: 8, view: (buffer, offset, length) => new BigUint64Array(buffer, offset, length) },
  I32: { numBytes: 4, view: (buffer, offset, length) => new Int32Array(buffer, offset, length) },
  U32: { numBytes: 4, view: (buffer, offset, length) => new Uint32Array(buffer, offset, length) },
  I16: { numBytes: 2, view: (buffer, offset, length) => new Int16Array(buffer, offset, length) },
  U16: { numBytes: 2, view: (buffer, offset, length) => new Uint16Array(buffer, offset, length) },
  I8: { numBytes: 1, view: (buffer, offset, length) => new Int8Array(buffer, offset, length) },
  U8: { numBytes: 1, view: (buffer, offset, length) => new Uint8Array(buffer, offset, length) },
  BOOL: { numBytes: 1, view: (buffer, offset, length) => new Uint8Array(buffer, offset, length) },
} as const satisfies Record<string, DtypeRow>;

export type TensorDtype = keyof typeof tensorDtypes;

export function isTensorDtype(value: unknown): value is TensorDtype {
  return typeof value === "string" && Object.hasOwn(tensorDtypes, value);
}

/** A dense tensor, row-major, little-endian. `shape` is `[]` for a scalar. `data` may be a view into shared memory. */
export interface NamedTensor {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Bytes of a tensor of this dtype and shape, or null when the shape is no shape or the product is not exact. */
export function tensorByteLength(dtype: TensorDtype, shape: readonly unknown[]): number | null {
  let numElements = 1;
  for (const size of shape) {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return null;
    numElements *= size;
    if (!Number.isSafeInteger(numElements)) return null;
  }
  const numBytes = numElements * tensorDtypes[dtype].numBytes;
  return Number.isSafeInteger(numBytes) ? numBytes : null;
}

/** Throws `INTERNAL` when a tensor's data does not fill its shape: a caller's defect, never a person's. */
export function checkTensor(tensor: NamedTensor): void {
  const expected = tensorByteLength(tensor.dtype, tensor.shape);
  if (expected === tensor.data.byteLength) return;
  throw new AnnealError(
    "INTERNAL",
    `Tensor "${tensor.name}" (${tensor.dtype} [${tensor.shape.join(", ")}]) holds ${tensor.data.byteLength} bytes.`,
    "This is a defect of the code that made the tensor: please report it with the log.",
    { tensor: tensor.name, expectedBytes: expected, actualBytes: tensor.data.byteLength },
  );
}
