import type { OnnxCall } from "./onnx-call.ts";
import type { Order } from "./orders.ts";

/** A value of the file: its name, and the order of its axes where that is not the value's own. */
export interface OnnxResult {
  readonly name: string;
  readonly order?: Order;
}

/**
 * How calls of an op are written. Returns a name, or a result, for each output; a row whose op has outputs that nothing needs may leave
 * those out at the end.
 */
export type OnnxRow = (call: OnnxCall) => string | OnnxResult | readonly (string | OnnxResult)[];

/** Rows of a family, by TensorFlow's name of the op. */
export type OnnxRows = Readonly<Record<string, OnnxRow>>;

/** Rows of several ops that are written alike. */
export function alike(ops: readonly string[], row: OnnxRow): OnnxRows {
  return Object.fromEntries(ops.map((op) => [op, row]));
}

/** Rows of ops that ONNX has under another name, by that name. */
export function renamed(names: Readonly<Record<string, string>>, make: (onnxOp: string) => OnnxRow): OnnxRows {
  return Object.fromEntries(Object.entries(names).map(([op, onnxOp]) => [op, make(onnxOp)]));
}
