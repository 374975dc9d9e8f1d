/** Number formats of samples in memory. */
export type DType = "uint8" | "int32" | "float32";

export type TypedArray = Uint8Array | Int32Array | Float32Array;

/** Shape (without the batch dimension) and number format of one field of a sample. */
export interface FieldSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

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

/** A field as people write it, e.g. `float32[28,28,1]`. */
export function formatField(field: FieldSpec): string {
  return `${field.dtype}[${field.shape.join(",")}]`;
}
