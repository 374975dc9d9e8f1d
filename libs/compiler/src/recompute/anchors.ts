import type { Graph, Node } from "@anneal/graph";
import type { Recomputation, RecomputationPlan } from "./recomputations.ts";

/** Nodes that have to run before a recomputation. */
export type Anchors = ReadonlyMap<Recomputation, readonly Node[]>;

/**
 * What recomputations wait for, so that none begins while memory is still taken by what comes before it in the backward pass: the
 * nodes whose results its users take, and the users of the segment after it.
 */
export function anchorsOf(graph: Graph, plans: readonly RecomputationPlan[]): Anchors {
  const successors = successorsOf(graph);
  const anchors = new Map<Recomputation, readonly Node[]>();
  for (const { pass, recomputations } of plans) {
    for (const recomputation of recomputations) {
      const { users, usersBefore } = recomputation;
      // What waits for the users cannot be waited for. An anchor of one makes its users wait for it, too.
      const after = reachableFrom(users, successors);
      const incoming = [...users].flatMap(({ inputs }) => inputs.map(({ node }) => node));
      const before = [...usersBefore].filter((node) => !successors.get(node)?.some((next) => usersBefore.has(next)));
      const found = new Set([...incoming, ...before].filter((node) => pass.backward.has(node) && !after.has(node)));
      anchors.set(recomputation, [...found]);
      for (const anchor of found) successors.set(anchor, [...(successors.get(anchor) ?? []), ...users]);
    }
  }
  return anchors;
}

function successorsOf({ nodes }: Graph): Map<Node, Node[]> {
  const successors = new Map<Node, Node[]>();
  for (const node of nodes) {
    for (const needed of [...node.inputs.map((input) => input.node), ...node.controls]) {
      const known = successors.get(needed);
      if (known === undefined) successors.set(needed, [node]);
      else known.push(node);
    }
  }
  return successors;
}

function reachableFrom(nodes: ReadonlySet<Node>, successors: ReadonlyMap<Node, readonly Node[]>): ReadonlySet<Node> {
  const found = new Set(nodes);
  const pending = [...nodes];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const next of successors.get(node) ?? []) {
      if (found.has(next)) continue;
      found.add(next);
      pending.push(next);
    }
  }
  return found;
}
