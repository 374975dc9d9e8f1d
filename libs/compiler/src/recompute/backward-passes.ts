import { type Graph, type Node, opTable } from "@anneal/graph";
import { gradientPrefix } from "../trace/trace-backend.ts";

/** The gradients of one forward pass, and what they are made from. */
export interface BackwardPass {
  /**
   * What the gradients need and do not compute themselves, each node after all that it needs. Gradient nodes that need nothing but
   * values of the forward pass (squares, masks) are among them, right after those: TensorFlow computes them that early.
   */
  readonly forward: readonly Node[];
  /** Nodes that need the last value of `forward`, gradients and what is made of them. */
  readonly backward: ReadonlySet<Node>;
}

/** The backward passes of a graph: one for each step, whichever entry it belongs to. */
export function findBackwardPasses(graph: Graph): readonly BackwardPass[] {
  const positions = new Map(graph.nodes.map((node, index) => [node, index]));
  const reach = reachOf(graph, positions);
  const found: BackwardPass[] = [];
  const open = new Set(graph.nodes.filter((node) => isGradient(node) && reach.has(node)));
  while (open.size > 0) {
    const last = Math.max(...[...open].map((node) => reach.get(node)!));
    const backward = new Set<Node>();
    for (const node of graph.nodes) {
      const isSeed = open.has(node) && reach.get(node) === last;
      if (isSeed || node.inputs.some((input) => backward.has(input.node))) backward.add(node);
    }
    const forward = ancestorsOf(gradientsOf(graph, backward), backward).filter((node) => reach.has(node));
    const keys = new Map<Node, number>();
    for (const node of forward.sort((a, b) => positions.get(a)! - positions.get(b)!)) {
      const needed = node.inputs.map((input) => keys.get(input.node) ?? 0);
      keys.set(node, Math.max(isGradient(node) ? 0 : positions.get(node)!, ...needed));
    }
    // Stable: nodes of one key stay in the graph's order.
    found.push({ forward: forward.sort((a, b) => keys.get(a)! - keys.get(b)!), backward });
    for (const node of [...backward, ...forward]) open.delete(node);
  }
  return found;
}

/**
 * Of each node that depends on what is fed, the position of the last node of the forward pass that it depends on, or is. What depends on
 * variables alone is there at any time.
 */
function reachOf({ nodes }: Graph, positions: ReadonlyMap<Node, number>): ReadonlyMap<Node, number> {
  const reach = new Map<Node, number>();
  for (const node of nodes) {
    const reached = node.inputs.flatMap((input) =>
      input.node.op === "Placeholder" ? [0] : (reach.get(input.node) ?? []),
    );
    if (reached.length === 0 || opTable[node.op]?.kind === "source") continue;
    reach.set(node, Math.max(isGradient(node) ? 0 : positions.get(node)!, ...reached));
  }
  return reach;
}

/** Those of these nodes that gradients are, or are made from. What comes after them takes of other steps, too. */
function gradientsOf({ nodes }: Graph, backward: ReadonlySet<Node>): ReadonlySet<Node> {
  const found = new Set<Node>();
  for (const node of nodes.toReversed()) {
    if (!backward.has(node) || !(isGradient(node) || found.has(node))) continue;
    found.add(node);
    for (const input of node.inputs) if (backward.has(input.node)) found.add(input.node);
  }
  return found;
}

function ancestorsOf(nodes: ReadonlySet<Node>, beside: ReadonlySet<Node>): Node[] {
  const found = new Set<Node>();
  const pending = [...nodes];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const { node: other } of node.inputs) {
      if (beside.has(other) || found.has(other)) continue;
      found.add(other);
      pending.push(other);
    }
  }
  return [...found];
}

/** Recorded as part of a gradient, whatever it computes. */
export function isGradient({ scope }: Node): boolean {
  return scope.startsWith(gradientPrefix);
}
