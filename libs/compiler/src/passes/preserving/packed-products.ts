import {
  type Graph,
  isSet,
  makeValue,
  type Node,
  producerOf,
  reshape,
  rewriteGraph,
  sameValue,
  transpose,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";
import { concatenateRows, moveAxis, packAxis } from "../sequences.ts";

/**
 * Products of every timestep with one matrix, packed to a sequence, are one product of the packed sequence: gradients by the inputs
 * of a recurrence, and what is applied to each of its outputs. The counterpart of `hoisted-products`.
 */
export const packedProducts: Pass = { name: "packed-products", run };

function run(graph: Graph): Graph {
  return rewriteGraph(graph, (node, { numUses, original }) => {
    const axis = packAxis(node);
    if (axis === null || node.controls.length > 0 || node.inputs.length < 2) return null;
    const products = node.inputs.map((value) => (numUses(original(value)) === 1 ? producerOf(value, "MatMul") : null));
    const [first] = products;
    if (first === null || first === undefined || !products.every((other) => isSameCall(first, other))) return null;
    const { shape } = first.outputs[0]!;
    const { scope, attributes } = first;
    const rows = concatenateRows(
      products.map((product) => product!.inputs[0]!),
      node.scope,
    );
    const whole = makeValue("MatMul", [rows, first.inputs[1]!], attributes, { scope });
    const sequence = reshape(whole, [products.length, ...shape], { scope: node.scope });
    return [transpose(sequence, moveAxis(3, 0, axis), { scope: node.scope })];
  });
}

/** Whether two products differ by their first matrix alone, which is not transposed. */
function isSameCall(a: Node, b: Node | null): boolean {
  if (b === null || b.controls.length > 0 || isSet(a, "transpose_a") || isSet(b, "transpose_a")) return false;
  const [, matrix] = a.inputs as [Value, Value];
  return (
    sameValue(matrix, b.inputs[1]!) &&
    isSet(a, "transpose_b") === isSet(b, "transpose_b") &&
    typeOf(a.inputs[0]!).shape[0] === typeOf(b.inputs[0]!).shape[0]
  );
}
