import type { Graph, Node } from "@anneal/graph";
import { type Buffer, Buffers } from "./buffers.ts";
import { dependenciesOf } from "./dependencies.ts";

/** A node in an order, with the memory that it takes, and that which nothing after it needs. */
export interface OrderedNode {
  readonly node: Node;
  readonly takenBytes: number;
  readonly freed: readonly FreedMemory[];
}

export interface FreedMemory {
  readonly bytes: number;
  /** All that read or write it, in order. */
  readonly users: readonly Node[];
}

/** An order that needs little memory: of the nodes that can run, always one that leaves the least behind. */
export function frugalOrder(graph: Graph): readonly OrderedNode[] {
  const { successors, numWaiting } = dependenciesOf(graph);
  const buffers = new Buffers(graph);
  const users = new Map<Buffer, Node[]>();
  const order: OrderedNode[] = [];
  const ready = graph.nodes.filter((node) => numWaiting.get(node) === 0);
  while (ready.length > 0) {
    const [node] = ready.splice(leastGrowth(ready, buffers), 1) as [Node];
    for (const buffer of buffers.takenBy(node)) {
      const known = users.get(buffer);
      if (known === undefined) users.set(buffer, [node]);
      else known.push(node);
    }
    const { takenBytes, freed } = buffers.effectOf(node);
    order.push({
      node,
      takenBytes,
      freed: freed.map((buffer) => ({ bytes: buffer.bytes, users: users.get(buffer)! })),
    });
    buffers.begin(node);
    buffers.end(node);
    for (const successor of successors.get(node) ?? []) {
      const left = numWaiting.get(successor)! - 1;
      numWaiting.set(successor, left);
      if (left === 0) ready.push(successor);
    }
  }
  return order;
}

/** The first that takes no more than it frees, or else that which grows the least. */
function leastGrowth(ready: readonly Node[], buffers: Buffers): number {
  let best = { index: 0, growth: Number.POSITIVE_INFINITY };
  for (const [index, node] of ready.entries()) {
    const { takenBytes, freed } = buffers.effectOf(node);
    const growth = freed.reduce((left, { bytes }) => left - bytes, takenBytes);
    if (growth < best.growth) best = { index, growth };
    if (growth <= 0) break;
  }
  return best.index;
}
