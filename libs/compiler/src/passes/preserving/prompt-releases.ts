import { barrier, type Graph, makeGraph, makeNode, type Node, type OpKind, opTable, type Value } from "@anneal/graph";
import { frugalOrder, type OrderedNode } from "../../memory/frugal-order.ts";
import { isGradient } from "../../recompute/backward-passes.ts";
import { recomputedPrefix } from "../../recompute/build.ts";
import type { Pass } from "../pass.ts";

/** Memory that is worth an order: so large a share of all that a step makes. */
const smallestShare = 1 / 256;

/**
 * Lets the backward pass give back memory before it takes more. TensorFlow runs what can run in no order: the gradient of a layer's
 * weights, which is the last to need its activations, may wait until those of all layers before it are there. Here what takes much
 * waits for whoever has to be done before much is free. Only large tensors are put in order: their ops keep all threads busy one by one.
 *
 * A node waits by its input, and for gradients alone: TensorFlow fuses no node that has a control edge, and what it fuses in the
 * forward pass it has to fuse again.
 */
export const promptReleases: Pass = { name: "prompt-releases", run };

function run(graph: Graph): Graph {
  const order = frugalOrder(graph);
  const runsWith = necessity(graph);
  const least = order.reduce((sum, { takenBytes }) => sum + takenBytes, 0) * smallestShare;
  const waits = new Map<Node, readonly Node[]>();
  let users: readonly Node[] = [];
  for (const { node, takenBytes, freed } of order) {
    if (users.length > 0 && takenBytes >= least && canWait(node)) {
      waits.set(
        node,
        users.filter((user) => runsWith(user, node)),
      );
      users = users.filter((user) => !runsWith(user, node));
    }
    const large = freed.filter(({ bytes }) => bytes >= least);
    users = [...users, ...large.flatMap((memory) => memory.users).filter(isGradient)];
  }
  return inOrder(graph, order, waits);
}

/**
 * Whether a node runs whenever another one does. A graph has several entries, of which each run takes one: an output needs only what it
 * needs.
 */
function necessity({ nodes, outputs }: Graph): (node: Node, other: Node) => boolean {
  const neededBy = new Map<Node, Set<number>>(nodes.map((node) => [node, new Set()]));
  Object.values(outputs).forEach(({ node }, index) => {
    neededBy.get(node)!.add(index);
  });
  for (const node of nodes.toReversed()) {
    const own = neededBy.get(node)!;
    for (const needed of [...node.inputs.map((input) => input.node), ...node.controls]) {
      for (const output of own) neededBy.get(needed)!.add(output);
    }
  }
  return (node, other) => neededBy.get(other)!.isSubsetOf(neededBy.get(node)!);
}

/** Kinds of ops that TensorFlow fuses with nothing that comes before them. */
const beginsFusions: ReadonlySet<OpKind> = new Set(["contraction", "normalization", "pooling"]);

function canWait(node: Node): boolean {
  const isLate = isGradient(node) || node.scope.startsWith(recomputedPrefix);
  return isLate && beginsFusions.has(opTable[node.op]!.kind);
}

/** The graph, made anew in an order in which every node comes after those that it is to wait for. */
function inOrder({ outputs }: Graph, order: readonly OrderedNode[], waits: ReadonlyMap<Node, readonly Node[]>): Graph {
  const made = new Map<Node, Node>();
  const madeOf = (node: Node): Node => made.get(node)!;
  const map = ({ node, index }: Value): Value => ({ node: madeOf(node), index });
  for (const { node } of order) {
    const inputs = node.inputs.map(map);
    const controls = node.controls.map(madeOf);
    const late = node.inputs.findIndex((input) => opTable[input.node.op]?.kind !== "source");
    const awaited = late < 0 ? [] : [...new Set(waits.get(node))].map(madeOf);
    if (awaited.length > 0) inputs[late] = afterAll(awaited, inputs[late]!, node.scope);
    const isSame = [...inputs, ...controls.map((control) => ({ node: control }))].every(
      (needed, index) => needed.node === (node.inputs[index]?.node ?? node.controls[index - inputs.length]),
    );
    made.set(node, isSame ? node : { ...node, inputs, controls });
  }
  return makeGraph(Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, map(value)])));
}

function afterAll(nodes: readonly Node[], value: Value, scope: string): Value {
  const controls = nodes.length === 1 ? nodes : [makeNode("NoOp", [], {}, { controls: nodes, scope })];
  return barrier(value, { controls, scope });
}
