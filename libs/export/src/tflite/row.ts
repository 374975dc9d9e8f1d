import type { TfliteCall } from "./tflite-call.ts";
import type { TfliteTensor } from "./tflite-graph.ts";

/** How calls of an op are written. Returns a tensor for each output, or the first ones where nothing needs the others. */
export type TfliteRow = (call: TfliteCall) => TfliteTensor | readonly TfliteTensor[];

/** Rows of a family, by TensorFlow's name of the op. */
export type TfliteRows = Readonly<Record<string, TfliteRow>>;

/** Rows of several ops that are written alike. */
export function alike(ops: readonly string[], row: TfliteRow): TfliteRows {
  return Object.fromEntries(ops.map((op) => [op, row]));
}

/** Rows of ops that TensorFlow Lite has under another name, by that name. */
export function renamed<T extends string>(
  names: Readonly<Record<string, T>>,
  make: (tfliteOp: T) => TfliteRow,
): TfliteRows {
  return Object.fromEntries(Object.entries(names).map(([op, tfliteOp]) => [op, make(tfliteOp)]));
}
