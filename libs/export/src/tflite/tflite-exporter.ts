import type { Exporter, WritableModel, WriteRequest } from "../formats/exporter.ts";
import { litertRuntime } from "../runtimes/litert-runtime.ts";
import { emitTflite } from "./emit-graph.ts";
import { precisionPasses, type TflitePrecision } from "./precision/index.ts";
import type { TfliteRows } from "./row.ts";
import { tfliteRows } from "./rows/index.ts";
import { writeTflite } from "./write-tflite.ts";

export const tfliteExporter: Exporter = exporterWith(tfliteRows);

/** @param rows how ops are written; others than our own only to show that the gate finds a wrong one */
export function exporterWith(rows: TfliteRows): Exporter {
  return {
    format: "tflite",
    title: "TensorFlow Lite",
    extension: ".tflite",
    precisions: Object.keys(precisionPasses) as TflitePrecision[],
    prepare: (request) => prepare(request, rows),
    runtime: litertRuntime,
  };
}

function prepare({ model, precision, metadata, probes = [] }: WriteRequest, rows: TfliteRows): WritableModel {
  const emitted = emitTflite(model, { rows, probes });
  const { probed } = emitted;
  const graph = precisionPasses[precision as TflitePrecision](emitted.graph);
  return {
    ops: countOps(graph.ops.map(({ op }) => op)),
    outputs: [...model.outputs.map(({ name }) => name), ...probed],
    write: (write) => void writeTflite(graph, metadata, write),
  };
}

function countOps(ops: readonly string[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const op of ops) counts.set(op, (counts.get(op) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
