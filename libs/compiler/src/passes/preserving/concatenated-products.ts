import {
  type Graph,
  isSet,
  makeValue,
  type Node,
  rewriteGraph,
  simpleCall,
  sizeOf,
  splatOf,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";
import { concatenate, minGateSize, weightSplitter } from "../sequences.ts";
import { isAddition, sumOf } from "../sums.ts";

/**
 * Gradients of a recurrence's gates, `[a, b, ...]` side by side in one matrix, only to be multiplied with weights, are multiplied
 * one by one:
 *
 *   `[a, b] W = a W1 + b W2`,  `x' [a, b] = [x' a, x' b]`,  and the same for the sum of rows.
 *
 * The matrix is never put together: its copy is among the slowest parts of a timestep. What was side by side for each step is,
 * after the sums over all steps, side by side once (`summed-concatenations`).
 */
export const concatenatedProducts: Pass = { name: "concatenated-products", run };

function run(graph: Graph): Graph {
  const apart = keptApart(graph);
  const split = weightSplitter(graph);
  return rewriteGraph(graph, (node, context) => {
    const { original } = context;
    if (node.controls.length > 0) return null;
    const partsOf = (value: Value | undefined): readonly Value[] | null =>
      value !== undefined && apart.has(original(value).node) ? value.node.inputs.slice(0, -1) : null;
    const { scope, attributes } = node;
    const [first, second] = node.inputs as [Value, Value];
    if (node.op === "BiasAddGrad") {
      const parts = partsOf(first);
      if (parts === null) return null;
      return [
        concatenate(
          parts.map((part) => simpleCall("BiasAddGrad", [part], { scope })),
          0,
          scope,
        ),
      ];
    }
    if (node.op !== "MatMul") return null;
    const right = partsOf(second);
    if (right !== null && isSet(node, "transpose_a") && !isSet(node, "transpose_b")) {
      return [
        concatenate(
          right.map((part) => makeValue("MatMul", [first, part], attributes, { scope })),
          1,
          scope,
        ),
      ];
    }
    const left = partsOf(first);
    if (left === null || isSet(node, "transpose_a")) return null;
    const blocks = split(second, left.map(widthOf), isSet(node, "transpose_b") ? 1 : 0, context);
    const products = left.map((part, index) => makeValue("MatMul", [part, blocks[index]!], attributes, { scope }));
    return [sumOf(products, scope)];
  });
}

/** Concatenations of columns that every user can do without. */
function keptApart(graph: Graph): ReadonlySet<Node> {
  const users = new Map<Node, Node[]>();
  const use = (node: Node, user: Node) => users.set(node, [...(users.get(node) ?? []), user]);
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs.map((value) => value.node))) use(input, node);
  }
  const kept = new Set(graph.nodes.flatMap(({ controls }) => controls));
  for (const { node } of Object.values(graph.outputs)) kept.add(node);
  // A weight's gradient that is added to others is that of one step of several.
  const isSummed = (node: Node) => {
    const [user, ...others] = users.get(node) ?? [];
    return user !== undefined && others.length === 0 && !kept.has(node) && isAddition(user);
  };
  const canDoWithout = (user: Node, node: Node): boolean => {
    if (user.controls.length > 0) return false;
    if (user.op === "BiasAddGrad") return user.attributes.data_format === undefined && isSummed(user);
    if (user.op !== "MatMul") return false;
    const [first, second] = user.inputs as [Value, Value];
    if (first.node === node && second.node === node) return false;
    if (second.node === node) return isSet(user, "transpose_a") && !isSet(user, "transpose_b") && isSummed(user);
    // Otherwise adding up the products would cost more than putting the factors together.
    const width = user.outputs[0]!.shape[1]!;
    return !isSet(user, "transpose_a") && node.inputs.slice(0, -1).every((part) => widthOf(part) >= width);
  };
  const apart = graph.nodes.filter((node) => {
    const isColumns =
      node.op === "ConcatV2" && node.outputs[0]!.shape.length === 2 && splatOf(node.inputs.at(-1)!) === 1;
    if (!isColumns || kept.has(node) || node.controls.length > 0) return false;
    const isLarge = node.inputs.slice(0, -1).every((part) => sizeOf(typeOf(part).shape) >= minGateSize);
    return isLarge && users.get(node)!.every((user) => canDoWithout(user, node));
  });
  return new Set(apart);
}

function widthOf(value: Value): number {
  return typeOf(value).shape[1]!;
}
