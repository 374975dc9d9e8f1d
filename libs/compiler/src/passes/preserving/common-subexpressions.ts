import { type Attribute, type Graph, type Node, opTable, rewriteGraph, type Value } from "@anneal/graph";
import type { Pass } from "../pass.ts";

/**
 * Nodes that do the same are one node: same op, same inputs (in any order, where the op does not care), same attributes. Nothing
 * that reads or writes state is merged, and nothing that waits for other nodes.
 */
export const commonSubexpressions: Pass = { name: "common-subexpressions", run };

function run(graph: Graph): Graph {
  const numbers = new Map<Node, number>();
  const numberOf = (node: Node): number => {
    const known = numbers.get(node) ?? numbers.size;
    numbers.set(node, known);
    return known;
  };
  const first = new Map<string, Node>();
  return rewriteGraph(graph, (node) => {
    const row = opTable[node.op];
    if (row === undefined || row.stateful || node.controls.length > 0 || node.name !== null) return null;
    const inputs = node.inputs.map((input: Value) => `${numberOf(input.node)}:${input.index}`);
    if (row.commutative) inputs.sort();
    const attributes = Object.entries(node.attributes)
      .map(([name, attribute]) => `${name}=${formatAttribute(attribute)}`)
      .sort();
    const key = [node.op, ...inputs, ...attributes].join(" ");
    const found = first.get(key);
    if (found !== undefined) return node.outputs.map((_, index) => ({ node: found, index }));
    first.set(key, node);
    return null;
  });
}

function formatAttribute({ kind, value }: Attribute): string {
  if (kind !== "tensor") return `${kind}:${String(value)}`;
  const { dtype, shape, data } = value;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return `tensor:${dtype}[${shape}]${bytes.toString("latin1")}`;
}
