import { affineFormatOf } from "@anneal/compress";
import { exportPrecisions } from "@anneal/contracts";
import type { Exporter, WritableModel, WriteRequest } from "../formats/exporter.ts";
import { onnxRuntime } from "../runtimes/onnx-runtime.ts";
import { emitOnnx } from "./emit-graph.ts";
import { precisionPasses } from "./precision/index.ts";
import type { OnnxRows } from "./row.ts";
import { onnxRows } from "./rows/index.ts";
import { writeOnnx } from "./write-onnx.ts";

export const onnxExporter: Exporter = exporterWith(onnxRows);

/** @param rows how ops are written; others than our own only to show that the gate finds a wrong one */
export function exporterWith(rows: OnnxRows): Exporter {
  return {
    format: "onnx",
    title: "ONNX",
    extension: ".onnx",
    precisions: exportPrecisions,
    prepare: (request) => prepare(request, rows),
    runtime: onnxRuntime,
  };
}

function prepare(request: WriteRequest, rows: OnnxRows): WritableModel {
  const { model, metadata, precision, kept, rangeOf = () => null, probes = [] } = request;
  const { graph: emitted, probed, values } = emitOnnx(model, { rows, probes });
  const { graph, layers } = precisionPasses[precision](emitted, {
    isKept: (layer) => kept?.has(layer) ?? false,
    formatOf: (name) => {
      const value = values.get(name);
      const range = value === undefined ? null : rangeOf(value);
      return range === null ? null : affineFormatOf(range);
    },
  });
  return {
    quantized: layers,
    ops: countOps(graph.nodes.map(({ op }) => op)),
    outputs: [...model.outputs.map(({ name }) => name), ...probed],
    write: (write) => void writeOnnx(graph, metadata, write),
  };
}

function countOps(ops: readonly string[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const op of ops) counts.set(op, (counts.get(op) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
