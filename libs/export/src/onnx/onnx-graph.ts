import type { Dtype } from "@anneal/graph";
import type { Dim } from "../model/dims.ts";

/** Number formats of tensors, by ONNX's numbers (`TensorProto.DataType`). */
export const onnxDtypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
} as const;
export type OnnxDtype = keyof typeof onnxDtypes;

export function isOnnxDtype(dtype: Dtype): dtype is Dtype & OnnxDtype {
  return Object.hasOwn(onnxDtypes, dtype);
}

/** An attribute of a node: a whole number, a float, a text or a list of whole numbers. */
export type OnnxAttribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "ints"; readonly value: readonly number[] };
export type OnnxAttributes = Readonly<Record<string, OnnxAttribute>>;

export interface OnnxNode {
  readonly op: string;
  /** Names of values; empty for an input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: OnnxAttributes;
  /** The layer that it comes from. */
  readonly scope: string;
}

/** A tensor that the file holds. */
export interface OnnxInitializer {
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly shape: readonly number[];
  /** The values' bytes, little-endian, row-major. Read when they are written. */
  readonly read: () => Uint8Array;
}

/** An input or output of the model. */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly dims: readonly Dim[];
}

/** A model as plain data: passes rewrite it, and `writeOnnx` writes it. */
export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxInitializer[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

export const onnxInt = (value: number): OnnxAttribute => ({ kind: "int", value });
export const onnxFloat = (value: number): OnnxAttribute => ({ kind: "float", value });
export const onnxString = (value: string): OnnxAttribute => ({ kind: "string", value });
export const onnxInts = (value: readonly number[]): OnnxAttribute => ({ kind: "ints", value });
