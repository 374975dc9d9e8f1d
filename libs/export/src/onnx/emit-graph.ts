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

export interface EmitOptions {
  /** How ops are written; others than our own only to show that a wrong one is found. */
  readonly rows?: OnnxRows;
  /** Values that the file gives after its own outputs. */
  readonly probes?: readonly Value[];
}

/** A model as ONNX has it. */
export interface EmittedOnnx {
  readonly graph: OnnxGraph;
  /** Names of the outputs for the probes; null for a value that the file does not have. */
  readonly probed: readonly (string | null)[];
  /** The model's values by the names that the file has for them, in whichever order of their axes. */
  readonly values: ReadonlyMap<string, Value>;
}

/** What makes no node of its own: inputs, weights, constants. */
const sources = { Const: true, Placeholder: true, ReadVariableOp: true, VarHandleOp: true };

/**
 * Says the model in ONNX's ops.
 *
 * @throws AnnealError EXPORT_UNSUPPORTED with every op that has no row and its layer, or a call that ONNX cannot say
 */
export function emitOnnx(model: PredictModel, { rows = onnxRows, probes = [] }: EmitOptions = {}): EmittedOnnx {
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
  const known = probes.filter((value) => emitter.memory(value).length > 0);
  const probed = known.map((value) => ({ value, taken: emitter.builder.name("probe") }));
  const given = [...outputs, ...probed];
  // First: a transpose may be made for one.
  const named = given.map((output) => nameOutput(output, emitter));
  const graph = prune({
    nodes: [...emitter.builder.nodes, ...named],
    initializers: emitter.builder.initializers,
    inputs,
    outputs: given.map(({ taken, value }) => onnxValue(taken, value, emitter)),
  });
  return {
    graph,
    probed: probes.map((value) => probed.find((each) => each.value === value)?.taken ?? null),
    values: new Map([...namesOf(model, emitter), ...given.map(({ taken, value }) => [taken, value] as const)]),
  };
}

function namesOf({ graph }: PredictModel, emitter: OnnxEmitter): readonly (readonly [string, Value])[] {
  return graph.nodes.flatMap((node) =>
    node.outputs.flatMap((_, index) => {
      const value = { node, index };
      return emitter.memory(value).map(({ name }) => [name, value] as const);
    }),
  );
}

function defineOutputs(node: Node, rows: OnnxRows, emitter: OnnxEmitter): void {
  const written = rows[node.op]!(new OnnxCall(node, emitter));
  const results = (Array.isArray(written) ? written : [written]) as readonly (string | OnnxResult)[];
  results.forEach((result, index) => {
    emitter.define({ node, index }, typeof result === "string" ? { name: result } : result);
  });
}

/** Outputs have the names that callers know, by nodes of their own: what else takes the value goes on by the other name. */
function nameOutput(
  { value, taken }: { readonly value: Value; readonly taken: string },
  emitter: OnnxEmitter,
): OnnxNode {
  const inputs = [emitter.nameOf(value)];
  return { op: "Identity", inputs, outputs: [taken], attributes: {}, scope: value.node.scope };
}

function onnxValue(name: string, value: Value, emitter: OnnxEmitter): OnnxValue {
  const { dtype } = value.node.outputs[value.index]!;
  if (!isOnnxDtype(dtype)) throw new RangeError(`no model takes or gives ${dtype}`);
  return { name, dtype, dims: emitter.dims(value) };
}
