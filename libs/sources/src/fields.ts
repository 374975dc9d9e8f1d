/** Number formats of samples in memory. */
export type DType = "uint8" | "int32" | "float32";

export type TypedArray = Uint8Array | Int32Array | Float32Array;

/** Shape (without the batch dimension) and number format of one field of a sample. */
export interface FieldSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** What the numbers of the last dimension are called, where they have names: the columns of a table. */
  readonly columns?: readonly string[];
}

/**
 * A field whose samples differ in length, such as texts: the first dimension is null. A batch has none of these: a step of the
 * pipeline gives them one length.
 */
export interface RaggedSpec {
  readonly shape: readonly [null, ...number[]];
  readonly dtype: DType;
  /** Most elements that a sample may have. */
  readonly capacity: number;
}

/** What a source's inputs are like. Labels are always of one length. */
export type SampleSpec = FieldSpec | RaggedSpec;

const bytesPerElement: Readonly<Record<DType, number>> = { uint8: 1, int32: 4, float32: 4 };

export function numElements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Bytes of one sample's field. */
export function fieldBytes(field: FieldSpec): number {
  return numElements(field.shape) * bytesPerElement[field.dtype];
}

/** A typed array of `length` elements over `buffer`, without a copy. */
export function viewOf(buffer: ArrayBufferLike, dtype: DType, byteOffset: number, length: number): TypedArray {
  if (dtype === "uint8") return new Uint8Array(buffer, byteOffset, length);
  if (dtype === "int32") return new Int32Array(buffer, byteOffset, length);
  return new Float32Array(buffer, byteOffset, length);
}

export function dtypeOf(array: TypedArray): DType {
  if (array instanceof Uint8Array) return "uint8";
  if (array instanceof Int32Array) return "int32";
  return "float32";
}

export function isRagged(field: SampleSpec): field is RaggedSpec {
  return field.shape[0] === null;
}

/** A field as people write it, e.g. `float32[28,28,1]`, or `uint8[?]` for one of any length. */
export function formatField(field: SampleSpec): string {
  return `${field.dtype}[${field.shape.map((size) => size ?? "?").join(",")}]`;
}
