import {
  attribute,
  isSet,
  makeValue,
  type Node,
  numbersOf,
  producerOf,
  reshape,
  rewriteUntilStable,
  ruleByOp,
  sizeOf,
  typeAttribute,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";

/**
 * Products of matrices as `MatMul`, where tfjs always writes batched ones: TensorFlow fuses and parallelizes it better. A batch
 * against one matrix is one larger matrix. Transposes of the last two axes are part of the product.
 */
export const matrixProducts: Pass = {
  name: "matrix-products",
  run: (graph) =>
    rewriteUntilStable(graph, ruleByOp({ MatMul: product, BatchMatMul: product, BatchMatMulV2: product })),
};

interface Product {
  readonly a: Value;
  readonly b: Value;
  readonly transposesA: boolean;
  readonly transposesB: boolean;
}

function product(node: Node): Value | null {
  const isBatched = node.op !== "MatMul";
  const [a, b] = [untransposed(node.inputs[0]!), untransposed(node.inputs[1]!)];
  const folded: Product = {
    a: a.value,
    b: b.value,
    transposesA: isSet(node, isBatched ? "adj_x" : "transpose_a") !== a.isTransposed,
    transposesB: isSet(node, isBatched ? "adj_y" : "transpose_b") !== b.isTransposed,
  };
  const { scope } = node;
  const flat = isBatched ? flattened(folded) : null;
  if (flat !== null) return reshape(matMul(flat, scope), node.outputs[0]!.shape, { scope });
  if (!a.isTransposed && !b.isTransposed) return null;
  return isBatched ? batched(node.op, folded, scope) : matMul(folded, scope);
}

/** The value before a transpose of its last two axes, if it is one. */
function untransposed(value: Value): { readonly value: Value; readonly isTransposed: boolean } {
  const node = producerOf(value, "Transpose");
  const order = node === null ? null : numbersOf(node.inputs[1]!);
  if (node === null || order === null || order.length < 2) return { value, isTransposed: false };
  const rank = order.length;
  const expected = order.map((_, axis) => (axis === rank - 1 ? rank - 2 : axis === rank - 2 ? rank - 1 : axis));
  const isSwap = order.every((axis, index) => (axis < 0 ? axis + rank : axis) === expected[index]);
  return isSwap ? { value: node.inputs[0]!, isTransposed: true } : { value, isTransposed: false };
}

/** As a product of two matrices: where there is no batch, or the batch is of `a` alone, whose rows are then all of one matrix. */
function flattened({ a, b, ...transposes }: Product): Product | null {
  const [shapeA, shapeB] = [typeOf(a).shape, typeOf(b).shape];
  if (sizeOf(shapeB.slice(0, -2)) !== 1) return null;
  const isAlone = sizeOf(shapeA.slice(0, -2)) === 1;
  if (!isAlone && transposes.transposesA) return null;
  const rows = isAlone ? shapeA.at(-2)! : sizeOf(shapeA.slice(0, -1));
  return {
    a: reshape(a, [rows, shapeA.at(-1)!], { scope: a.node.scope }),
    b: reshape(b, shapeB.slice(-2), { scope: b.node.scope }),
    ...transposes,
  };
}

function matMul({ a, b, transposesA, transposesB }: Product, scope: string): Value {
  const attributes = {
    ...typeAttribute("T", typeOf(a).dtype),
    transpose_a: attribute.bool(transposesA),
    transpose_b: attribute.bool(transposesB),
  };
  return makeValue("MatMul", [a, b], attributes, { scope });
}

function batched(op: string, { a, b, transposesA, transposesB }: Product, scope: string): Value {
  const attributes = {
    ...typeAttribute("T", typeOf(a).dtype),
    adj_x: attribute.bool(transposesA),
    adj_y: attribute.bool(transposesB),
  };
  return makeValue(op, [a, b], attributes, { scope });
}
