import type { Attributes } from "./attributes.ts";
import type { TensorType } from "./types.ts";

/**
 * A call of a TensorFlow op. Immutable: a pass that changes a node makes another one and everything after it anew.
 */
export interface Node {
  /** TensorFlow's name of the op; the op table has a row of this name. */
  readonly op: string;
  readonly inputs: readonly Value[];
  /** Nodes that have to run before this one although it takes nothing of them. */
  readonly controls: readonly Node[];
  readonly attributes: Attributes;
  readonly outputs: readonly TensorType[];
  /** Where it comes from, such as the layer's name; empty when nothing is known. For errors and pictures only. */
  readonly scope: string;
  /** A name that has to stay: of a placeholder or a variable. Other nodes are named when the graph is written. */
  readonly name: string | null;
}

/** One output of a node. */
export interface Value {
  readonly node: Node;
  readonly index: number;
}

/**
 * A graph is its outputs: what they do not need, as input or control, is not part of it. So dead code cannot exist, and a
 * pass only has to say what its outputs are.
 */
export interface Graph {
  readonly outputs: Readonly<Record<string, Value>>;
  /** Every node, each after all that it needs. */
  readonly nodes: readonly Node[];
}

export function makeGraph(outputs: Readonly<Record<string, Value>>): Graph {
  return { outputs, nodes: topologicalOrder(Object.values(outputs).map(({ node }) => node)) };
}

export function typeOf({ node, index }: Value): TensorType {
  const type = node.outputs[index];
  if (type === undefined) throw new RangeError(`${node.op} has ${node.outputs.length} outputs, no output ${index}`);
  return type;
}

export function sameValue(a: Value, b: Value): boolean {
  return a.node === b.node && a.index === b.index;
}

/** How often each output of each node is taken: as an input, or as an output of the graph. */
export function countUses(graph: Graph): (value: Value) => number {
  const uses = new Map<Node, number[]>();
  const use = ({ node, index }: Value) => {
    const counts = uses.get(node) ?? [];
    counts[index] = (counts[index] ?? 0) + 1;
    uses.set(node, counts);
  };
  for (const node of graph.nodes) node.inputs.forEach(use);
  Object.values(graph.outputs).forEach(use);
  return ({ node, index }) => uses.get(node)?.[index] ?? 0;
}

/** Depth first and without recursion: a chain of ops can be tens of thousands long. Follows the order of inputs alone. */
function topologicalOrder(roots: readonly Node[]): readonly Node[] {
  const order: Node[] = [];
  const state = new Map<Node, "open" | "done">();
  const stack: Node[] = [...roots].reverse();
  for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
    if (state.get(node) === "done") {
      stack.pop();
      continue;
    }
    const needed = state.has(node) ? [] : [...node.inputs.map((input) => input.node), ...node.controls];
    state.set(node, "open");
    const waiting = needed.filter((other) => state.get(other) !== "done");
    if (waiting.length === 0) {
      state.set(node, "done");
      order.push(node);
      stack.pop();
    } else {
      stack.push(...waiting.reverse());
    }
  }
  return order;
}
