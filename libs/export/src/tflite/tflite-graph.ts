import type { Dim } from "../model/dims.ts";
import type { Table } from "./flatbuffer.ts";
import {
  type tfliteActivationFunctionType,
  type tfliteBuiltinOperator,
  tfliteTensorType,
} from "./schema/tflite-schema.ts";

/** Number formats of tensors, by TensorFlow Lite's numbers. */
export const tfliteDtypes = {
  float32: tfliteTensorType.FLOAT32,
  float16: tfliteTensorType.FLOAT16,
  int32: tfliteTensorType.INT32,
  int64: tfliteTensorType.INT64,
  uint8: tfliteTensorType.UINT8,
  int8: tfliteTensorType.INT8,
  bool: tfliteTensorType.BOOL,
} as const;
export type TfliteDtype = keyof typeof tfliteDtypes;

export const dtypeBytes: Readonly<Record<TfliteDtype, number>> = {
  float32: 4,
  float16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  int8: 1,
  bool: 1,
};

export function isTfliteDtype(dtype: string): dtype is TfliteDtype {
  return Object.hasOwn(tfliteDtypes, dtype);
}

export type TfliteOpName = keyof typeof tfliteBuiltinOperator;

/** What real numbers whole ones stand for: `scale * (number - zeroPoint)`, of each index along `axis` or of all alike. */
export interface Quantization {
  readonly scales: Float32Array;
  readonly zeroPoints: readonly number[];
  readonly axis: number;
}

/** A value of the file. Two are the same only if they are the same object. */
export interface TfliteTensor {
  readonly name: string;
  readonly dtype: TfliteDtype;
  readonly dims: readonly Dim[];
  /** The values of a weight or a constant, read when they are written, little-endian; null for what is computed or fed. */
  readonly read: (() => Uint8Array) | null;
  readonly quantization?: Quantization;
}

/** Whether each index along an axis has a scale of its own. */
export function isPerChannel({ quantization }: TfliteTensor): boolean {
  return quantization !== undefined && quantization.scales.length > 1;
}

/** A call. An input that the op can do without may be null. */
export interface TfliteOp {
  readonly op: TfliteOpName;
  readonly inputs: readonly (TfliteTensor | null)[];
  readonly outputs: readonly TfliteTensor[];
  readonly options: Table | null;
  readonly activation: Activation;
  /** Of the layer that it belongs to. */
  readonly scope: string;
}

/** What an op does to each value that it makes; only ops whose options have the field do anything. */
export type Activation = keyof typeof tfliteActivationFunctionType;

/** Nodes are in an order in which they can run. */
export interface TfliteGraph {
  readonly ops: readonly TfliteOp[];
  readonly inputs: readonly NamedTensor[];
  readonly outputs: readonly NamedTensor[];
}

export interface NamedTensor {
  readonly name: string;
  readonly tensor: TfliteTensor;
}
