import type { Attributes } from "../../attributes.ts";
import type { Dtype, TensorType } from "../../types.ts";
import { product } from "../row.ts";

/** An input with values; a constant one is a `Const` node of the graph, where rules can read it. */
export interface TestInput {
  readonly type: TensorType;
  readonly values: readonly number[];
  readonly isConstant: boolean;
}

/** A call that both a rule and TensorFlow are asked about. */
export interface TestCall {
  readonly op: string;
  readonly inputs: readonly TestInput[];
  readonly attributes: Attributes;
}

/** An input of any values, or of those given. */
export function tensor(shape: readonly number[], dtype: Dtype = "float32", values?: readonly number[]): TestInput {
  return { type: { dtype, shape }, values: values ?? anyValues(product(shape), dtype), isConstant: false };
}

/** Whole numbers as a constant: a vector, if no shape is given. */
export function ints(values: readonly number[], shape: readonly number[] = [values.length]): TestInput {
  return { type: { dtype: "int32", shape }, values, isConstant: true };
}

export function int(value: number): TestInput {
  return ints([value], []);
}

/** Indices below `limit`. */
export function indices(shape: readonly number[], limit: number, dtype: Dtype = "int32"): TestInput {
  const values = Array.from({ length: product(shape) }, (_, index) => (index * 7 + 3) % limit);
  return tensor(shape, dtype, values);
}

function anyValues(size: number, dtype: Dtype): readonly number[] {
  const modulus = dtype === "bool" ? 2 : 11;
  const scale = dtype === "float32" || dtype === "bfloat16" ? 1 / 16 : 1;
  // Positive and below one, where every function is defined; for indices, small.
  return Array.from({ length: size }, (_, index) => (((index * 7) % modulus) + (scale === 1 ? 0 : 1)) * scale);
}
