import type { TfliteGraph, TfliteOp, TfliteTensor } from "../tflite-graph.ts";

/** Of smaller tensors there is nothing to gain (TensorFlow Lite's converter draws the same line). */
const leastValues = 1024;

/** Whether a tensor is a float32 weight that is worth another number format. */
export function isLargeWeight({ dtype, dims, read }: TfliteTensor): boolean {
  return (
    read !== null && dtype === "float32" && dims.reduce((size: number, dim) => size * Number(dim), 1) >= leastValues
  );
}

export function floatsOf({ read }: TfliteTensor): Float32Array {
  const bytes = read!();
  // A copy, where values do not lie at a multiple of their size.
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(buffer, byteOffset, byteLength / 4);
}

/** Each op with other inputs; `replace` may put further ops before it. */
export function mapInputs(
  graph: TfliteGraph,
  replace: (tensor: TfliteTensor, op: TfliteOp, index: number, before: (op: TfliteOp) => void) => TfliteTensor,
): TfliteGraph {
  const ops: TfliteOp[] = [];
  for (const op of graph.ops) {
    const inputs = op.inputs.map((tensor, index) =>
      tensor === null ? null : replace(tensor, op, index, (added) => void ops.push(added)),
    );
    ops.push({ ...op, inputs });
  }
  return { ...graph, ops };
}
