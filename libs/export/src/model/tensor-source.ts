import { type ConstantValue, isSplat, sizeOf, type TensorType } from "@anneal/graph";

export type TensorData = ConstantValue["data"];

/**
 * A tensor whose values are known: a weight or a constant. They are read when they are written, one tensor after another, so
 * that a model is never in memory twice.
 */
export interface TensorSource {
  readonly type: TensorType;
  /** Values, row-major, as many as the shape has. */
  readonly read: () => TensorData;
}

export function sourceOfConstant(value: ConstantValue): TensorSource {
  const { dtype, shape } = value;
  return { type: { dtype, shape }, read: () => (isSplat(value) ? filled(value) : value.data) };
}

function filled({ data, shape }: ConstantValue): TensorData {
  const result = arrayLike(data, sizeOf(shape));
  return result.fill(data[0] as never);
}

/** An array of zeros of the same kind. */
function arrayLike(data: TensorData, length: number): TensorData {
  return new (data.constructor as new (size: number) => TensorData)(length);
}

/** The same values in another shape. */
export function reshapeSource({ type, read }: TensorSource, shape: readonly number[]): TensorSource {
  if (sizeOf(type.shape) !== sizeOf(shape)) throw new RangeError(`[${type.shape}] is no [${shape}]`);
  return { type: { dtype: type.dtype, shape }, read };
}

/** Axis `i` of the result is axis `order[i]`. */
export function permuteSource({ type, read }: TensorSource, order: readonly number[]): TensorSource {
  if (order.every((axis, index) => axis === index)) return { type, read };
  const shape = order.map((axis) => type.shape[axis]!);
  return { type: { dtype: type.dtype, shape }, read: () => permute(read(), type.shape, order) };
}

/** @throws RangeError for a source of another dtype than float32 */
export function floatsOf({ type, read }: TensorSource): Float32Array {
  const values = read();
  if (!(values instanceof Float32Array)) throw new RangeError(`values of ${type.dtype} are no float32`);
  return values;
}

function permute(values: TensorData, shape: readonly number[], order: readonly number[]): TensorData {
  const strides = stridesOf(shape);
  const sizes = order.map((axis) => shape[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const result = arrayLike(values, values.length);
  const lastSize = sizes.at(-1) ?? 1;
  const lastStep = steps.at(-1) ?? 0;
  const index = sizes.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to += lastSize) {
    for (let place = 0; place < lastSize; place++) result[to + place] = values[from + place * lastStep]!;
    for (let axis = sizes.length - 2; axis >= 0; axis--) {
      index[axis]! += 1;
      from += steps[axis]!;
      if (index[axis]! < sizes[axis]!) break;
      from -= steps[axis]! * sizes[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** The dtype of a weight by its name in safetensors. */
export function weightDtype(name: string): "float32" | "int32" {
  if (name !== "F32" && name !== "I32") throw new RangeError(`no weight of a model is ${name}`);
  return name === "F32" ? "float32" : "int32";
}
