import type { Node, Value } from "@anneal/graph";
import type { PredictModel } from "../model/predict-model.ts";
import { missingOps, missingRows } from "../unsupported.ts";
import { TfliteEmitter } from "./emitter.ts";
import { finishGraph } from "./finish-graph.ts";
import type { TfliteRows } from "./row.ts";
import { tfliteRows } from "./rows/index.ts";
import { unwritten } from "./rows/unwritten.ts";
import { TfliteCall } from "./tflite-call.ts";
import { isTfliteDtype, type NamedTensor, type TfliteGraph, type TfliteTensor } from "./tflite-graph.ts";

export interface EmitOptions {
  /** How ops are written; others than our own only to show that a wrong one is found. */
  readonly rows?: TfliteRows;
  /** Values that the file gives after its own outputs. */
  readonly probes?: readonly Value[];
}

/** A model as TensorFlow Lite has it. */
export interface EmittedTflite {
  readonly graph: TfliteGraph;
  /** Names of the outputs for the probes; null for a value that the file does not have. */
  readonly probed: readonly (string | null)[];
}

/** What makes no op of its own: inputs, weights, constants. */
const sources = { Const: true, Placeholder: true, ReadVariableOp: true, VarHandleOp: true };

/**
 * Says the model in TensorFlow Lite's ops.
 *
 * @throws AnnealError EXPORT_UNSUPPORTED with every op that has no row and its layer, or a call that the format cannot say
 */
export function emitTflite(model: PredictModel, { rows = tfliteRows, probes = [] }: EmitOptions = {}): EmittedTflite {
  const missing = missingOps(model.graph, { ...rows, ...sources });
  if (missing.length > 0) throw missingRows("TensorFlow Lite", missing, unwritten);
  const emitter = new TfliteEmitter(model);
  const { builder } = emitter;
  const inputs = model.inputs.map(({ name, value }): NamedTensor => {
    const { dtype } = value.node.outputs[value.index]!;
    if (!isTfliteDtype(dtype)) throw new RangeError(`no model takes ${dtype}`);
    const tensor: TfliteTensor = { name: builder.name(name), dtype, dims: emitter.dims(value), read: null };
    emitter.define(value, tensor);
    return { name, tensor };
  });
  // Nothing else is to have the names of outputs.
  const outputs = model.outputs.map(({ name, value }) => ({ value, name: builder.name(name) }));
  for (const node of model.graph.nodes) {
    if (!Object.hasOwn(sources, node.op)) defineOutputs(node, rows, emitter);
  }
  const probed = probes.map((value) => (emitter.has(value) ? { value, name: builder.name("probe") } : null));
  const given = [...outputs, ...probed.filter((probe) => probe !== null)];
  // First: a tensor may be made for one.
  const wanted = given.map(({ name, value }): NamedTensor => ({ name, tensor: emitter.tensorOf(value) }));
  return {
    graph: finishGraph({ ops: builder.ops, inputs, outputs: wanted }),
    probed: probed.map((probe) => probe?.name ?? null),
  };
}

function defineOutputs(node: Node, rows: TfliteRows, emitter: TfliteEmitter): void {
  const written = rows[node.op]!(new TfliteCall(node, emitter));
  const results = (Array.isArray(written) ? written : [written]) as readonly TfliteTensor[];
  results.forEach((tensor, index) => {
    emitter.define({ node, index }, tensor);
  });
}
