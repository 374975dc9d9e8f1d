import type { Graph, Node } from "./graph.ts";
import { inferOutputs } from "./infer.ts";
import { formatType, sameType } from "./types.ts";

/**
 * Checks what every pass relies on: each node comes after what it needs, has a row, and has the outputs that its row's rule
 * gives; names are not given twice.
 *
 * @throws Error with the node that breaks the rules: a pass is wrong, never a person's input
 */
export function verifyGraph(graph: Graph): void {
  const seen = new Set<Node>();
  const named = new Map<string, Node>();
  for (const node of graph.nodes) {
    for (const { node: input, index } of node.inputs) {
      if (!seen.has(input)) throw broken(node, `takes ${input.op}, which does not come before it`);
      if (input.outputs[index] === undefined) throw broken(node, `takes output ${index} of ${input.op}`);
    }
    for (const control of node.controls) {
      if (!seen.has(control)) throw broken(node, `waits for ${control.op}, which does not come before it`);
    }
    const expected = inferOutputs(node);
    const fits =
      expected.length === node.outputs.length && expected.every((type, index) => sameType(type, node.outputs[index]!));
    if (!fits) {
      throw broken(node, `has outputs ${node.outputs.map(formatType)}, its rule gives ${expected.map(formatType)}`);
    }
    if (node.name !== null) {
      const other = named.get(node.name);
      if (other !== undefined) throw broken(node, `has the name ${node.name}, as another node has`);
      named.set(node.name, node);
    }
    seen.add(node);
  }
  for (const [name, { node, index }] of Object.entries(graph.outputs)) {
    if (!seen.has(node) || node.outputs[index] === undefined)
      throw broken(node, `is the output ${name} without being a node`);
  }
}

function broken(node: Node, problem: string): Error {
  const where = node.scope === "" ? "" : ` (${node.scope})`;
  return new Error(`the graph is broken: ${node.op}${where} ${problem}`);
}
