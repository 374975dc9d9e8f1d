import {
  attribute,
  isSet,
  makeValue,
  type Node,
  rewriteGraph,
  ruleByOp,
  sizeOf,
  typeAttribute,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../passes/pass.ts";

/**
 * `a b'` of large matrices as `Einsum`. On a CPU TensorFlow gives it to oneDNN's matmul primitive, and `MatMul` to its older
 * `sgemm`, which is slow where the second matrix is transposed: 160 in place of 210 GFLOP/s for `[4096, 1024] [256, 1024]'` on two
 * cores. Such products are the gradients by what a dense layer is given, which have no bias or activation to be fused with. On a GPU both are one kernel.
 */
export const transposedProducts: Pass = {
  name: "transposed-products",
  run: (graph) => rewriteGraph(graph, ruleByOp({ MatMul: asEinsum })),
};

/** What fits a core's cache `MatMul` runs on one thread, which leaves the others to other products. */
const minBytes = 2 ** 20;
const bytesPerValue = 4;

function asEinsum(node: Node): Value | null {
  const { dtype } = node.outputs[0]!;
  if (dtype !== "float32" || isSet(node, "transpose_a") || !isSet(node, "transpose_b")) return null;
  const matrices = [...node.inputs.map(typeOf), node.outputs[0]!];
  const numValues = matrices.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  if (numValues * bytesPerValue < minBytes) return null;
  const attributes = { ...typeAttribute("T", dtype), N: attribute.int(2), equation: attribute.string("ik,jk->ij") };
  return makeValue("Einsum", node.inputs, attributes, { scope: node.scope });
}
