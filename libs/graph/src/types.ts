/** TensorFlow's number formats by our names, with its numbers (`tensorflow/core/framework/types.proto`). */
export const dtypeNumbers = {
  float32: 1,
  int32: 3,
  uint8: 4,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  float16: 19,
  resource: 20,
} as const;
export type Dtype = keyof typeof dtypeNumbers;

/** @throws RangeError for a number format that a graph has no name for */
export function dtypeOf(number: number): Dtype {
  const found = Object.entries(dtypeNumbers).find(([, value]) => value === number);
  if (found === undefined) throw new RangeError(`no dtype has the number ${number}`);
  return found[0] as Dtype;
}

/** What is known of a tensor before anything runs: all of its shape, always. */
export interface TensorType {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Bytes of one value; a handle's are not worth counting. */
export const dtypeBytes: Readonly<Record<Dtype, number>> = {
  float32: 4,
  int32: 4,
  uint8: 1,
  string: 0,
  complex64: 8,
  int64: 8,
  bool: 1,
  bfloat16: 2,
  float16: 2,
  resource: 0,
};

export function bytesOf({ dtype, shape }: TensorType): number {
  return dtypeBytes[dtype] * sizeOf(shape);
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

export function sameType(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}

export function formatType({ dtype, shape }: TensorType): string {
  return `${dtype}[${shape.join(",")}]`;
}

/** Values of a constant: as many as its shape has, or one that stands for all of them. */
export interface ConstantValue extends TensorType {
  readonly data: Float32Array | Int32Array | Uint8Array | BigInt64Array;
}

/** Whether one stored value stands for all. */
export function isSplat(value: ConstantValue): boolean {
  return value.data.length === 1 && sizeOf(value.shape) !== 1;
}
