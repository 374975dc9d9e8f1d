import type { TensorType } from "@anneal/graph";

/** An input of a case: what it is, and between what its values lie. */
export interface InputSpec {
  readonly type: TensorType & { readonly dtype: "float32" | "int32" | "uint8" };
  readonly from: number;
  readonly to: number;
}

/** float32 values that all differ, from -1 to 1 unless told otherwise. */
export function float(shape: readonly number[], { from = -1, to = 1 }: { from?: number; to?: number } = {}): InputSpec {
  return { type: { dtype: "float32", shape }, from, to };
}

/** Whole numbers from 0 to below `limit`. */
export function int(shape: readonly number[], limit: number): InputSpec {
  return { type: { dtype: "int32", shape }, from: 0, to: limit };
}

/** Bytes, as images come. */
export function bytes(shape: readonly number[]): InputSpec {
  return { type: { dtype: "uint8", shape }, from: 0, to: 256 };
}

/** The values of a case's input number `index`: the same each time, others for each index. */
export function valuesOf({ type: { dtype, shape }, from, to }: InputSpec, index: number) {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  // Multiples of the golden ratio, modulo one: spread evenly, and no two alike.
  const values = Array.from({ length: size }, (_, place) => {
    const share = ((place + 1) * 0.618_033_988_749_895 + index * 0.377) % 1;
    return from + share * (to - from);
  });
  if (dtype === "float32") return Float32Array.from(values);
  return dtype === "int32" ? Int32Array.from(values, Math.floor) : Uint8Array.from(values, Math.floor);
}
