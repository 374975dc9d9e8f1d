import type { Graph, Node } from "@anneal/graph";

/** Who comes after a node, and how many nodes each waits for. */
export interface Dependencies {
  readonly successors: Map<Node, Node[]>;
  readonly numWaiting: Map<Node, number>;
}

export function dependenciesOf({ nodes }: Graph): Dependencies {
  const successors = new Map<Node, Node[]>();
  const numWaiting = new Map<Node, number>();
  for (const node of nodes) {
    const needed = new Set([...node.inputs.map((input) => input.node), ...node.controls]);
    numWaiting.set(node, needed.size);
    for (const other of needed) {
      const known = successors.get(other);
      if (known === undefined) successors.set(other, [node]);
      else known.push(node);
    }
  }
  return { successors, numWaiting };
}
