import { bytesOfArray } from "../builder.ts";
import { type OnnxGraph, onnxDtypes, onnxInt } from "../onnx-graph.ts";
import { floatsOf, GraphEdit, isLargeWeight } from "./edit-graph.ts";

/**
 * Weights as float16, each cast to float32 by a node that ONNX Runtime runs once, as it loads the file. Arithmetic stays float32: on
 * a CPU the runtime has next to no kernels for float16, and would cast before and after each op.
 */
export function withHalfWeights(graph: OnnxGraph): OnnxGraph {
  const edit = new GraphEdit(graph);
  const restored = new Map<string, string>();
  const restore = (name: string, scope: string): string => {
    const weight = edit.initializer(name);
    if (weight === null || !isLargeWeight(weight)) return name;
    const known = restored.get(name);
    if (known !== undefined) return known;
    const half = edit.tensor({
      ...weight,
      name: `${name}/float16`,
      dtype: "float16",
      read: () => bytesOfArray(Float16Array.from(floatsOf(weight))),
    });
    const attributes = { to: onnxInt(onnxDtypes.float32) };
    const whole = edit.emit({ op: "Cast", inputs: [half], attributes, scope, wanted: `${name}/float32` });
    restored.set(name, whole);
    return whole;
  };
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => restore(name, node.scope));
    edit.nodes.push({ ...node, inputs });
  }
  return edit.finish();
}
