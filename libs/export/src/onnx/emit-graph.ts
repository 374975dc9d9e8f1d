import type { Node, Value } from "@anneal/graph";
import type { PredictModel } from "../model/predict-model.ts";
import { missingOps, missingRows } from "../unsupported.ts";
import { OnnxEmitter } from "./emitter.ts";
import { OnnxCall } from "./onnx-call.ts";
import { isOnnxDtype, type OnnxGraph, type OnnxNode, type OnnxValue } from "./onnx-graph.ts";
import { prune } from "./prune.ts";
import type { OnnxResult, OnnxRows } from "./row.ts";
import { onnxRows } from "./rows/index.ts";
import { unwritten } from "./rows/unwritten.ts";

/** A model as ONNX has it, and where in it the values of the graph are. */
export interface EmittedOnnx {
  readonly graph: OnnxGraph;
  /** Names of a value of the model's graph, with the order that its axes have there. Empty where the file has none. */
  readonly memoryOf: (value: Value) => readonly Required<OnnxResult>[];
}

/** What makes no node of its own: inputs, weights, constants. */
const sources = { Const: true, Placeholder: true, ReadVariableOp: true, VarHandleOp: true };

/**
 * Writes the model down in ONNX's ops.
 *
 * @param rows how ops are written; others than our own only to show that a wrong one is found
 * @throws AnnealError EXPORT_UNSUPPORTED with every op that has no row and its layer, or a call that ONNX cannot say
 */
export function emitOnnx(model: PredictModel, rows: OnnxRows = onnxRows): EmittedOnnx {
  const missing = missingOps(model.graph, { ...rows, ...sources });
  if (missing.length > 0) throw missingRows("ONNX", missing, unwritten);
  const emitter = new OnnxEmitter(model);
  const inputs = model.inputs.map(({ name, value }) => {
    const taken = emitter.builder.name(name);
    emitter.define(value, { name: taken });
    return onnxValue(taken, value, emitter);
  });
  // Nothing else is to have the names of outputs.
  const outputs = model.outputs.map(({ name, value }) => ({ value, taken: emitter.builder.name(name) }));
  for (const node of model.graph.nodes) {
    if (!Object.hasOwn(sources, node.op)) defineOutputs(node, rows, emitter);
  }
  const nodes = nameOutputs(emitter, outputs);
  const written = outputs.map(({ taken, value }) => onnxValue(taken, value, emitter));
  const graph = prune({ nodes, initializers: emitter.builder.initializers, inputs, outputs: written });
  const kept = new Set([...inputs.map(({ name }) => name), ...graph.nodes.flatMap((node) => node.outputs)]);
  return { graph, memoryOf: (value) => emitter.memory(value).filter(({ name }) => kept.has(name)) };
}

function defineOutputs(node: Node, rows: OnnxRows, emitter: OnnxEmitter): void {
  const written = rows[node.op]!(new OnnxCall(node, emitter));
  const results = (Array.isArray(written) ? written : [written]) as readonly (string | OnnxResult)[];
  results.forEach((result, index) => {
    emitter.define({ node, index }, typeof result === "string" ? { name: result } : result);
  });
}

/** Outputs have the names that callers know, by nodes of their own: what else takes the value goes on by the other name. */
function nameOutputs(
  emitter: OnnxEmitter,
  outputs: readonly { readonly value: Value; readonly taken: string }[],
): readonly OnnxNode[] {
  const { nodes } = emitter.builder;
  const named = outputs.map(({ value, taken }): OnnxNode => {
    const inputs = [emitter.nameOf(value)];
    return { op: "Identity", inputs, outputs: [taken], attributes: {}, scope: value.node.scope };
  });
  return [...nodes, ...named];
}

function onnxValue(name: string, value: Value, emitter: OnnxEmitter): OnnxValue {
  const { dtype } = value.node.outputs[value.index]!;
  if (!isOnnxDtype(dtype)) throw new RangeError(`no model takes or gives ${dtype}`);
  return { name, dtype, dims: emitter.dims(value) };
}
