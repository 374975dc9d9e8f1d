import { countUses, type Graph, makeGraph, type Node, sameValue, typeOf, type Value } from "./graph.ts";
import { formatType, sameType } from "./types.ts";

export interface RewriteContext {
  /** How often a value of the graph *before* the pass is taken. For "nobody else needs it". */
  readonly numUses: (value: Value) => number;
  /** The value of the graph before the pass that `value` came from, or `value` itself for one that the pass made. */
  readonly original: (value: Value) => Value;
}

/** What a node becomes: one value for each of its outputs, or null to keep it. */
export type RewriteRule = (node: Node, context: RewriteContext) => readonly Value[] | null;

/**
 * Walks the graph from its sources to its outputs and hands each node, with inputs already rewritten, to the rule. The
 * replacement must have the same types. Nodes that nothing needs afterwards are gone; nodes that did not change are kept.
 *
 * @throws Error when a rule changes a type: the pass is wrong, not its input
 */
export function rewriteGraph(graph: Graph, rule: RewriteRule): Graph {
  const replaced = new Map<Node, readonly Value[]>();
  const originals = new Map<Node, Node>();
  const context: RewriteContext = {
    numUses: countUses(graph),
    original: ({ node, index }) => ({ node: originals.get(node) ?? node, index }),
  };
  const map = ({ node, index }: Value): Value => replaced.get(node)?.[index] ?? { node, index };
  const mapControl = (node: Node): Node => replacedNode.get(node) ?? node;
  const replacedNode = new Map<Node, Node>();
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(map);
    const controls = node.controls.map(mapControl);
    const changed =
      inputs.some((input, index) => !sameValue(input, node.inputs[index]!)) ||
      controls.some((control, index) => control !== node.controls[index]);
    const current: Node = changed ? { ...node, inputs, controls } : node;
    originals.set(current, node);
    const values = rule(current, context);
    if (values === null) {
      if (changed)
        replaced.set(
          node,
          node.outputs.map((_, index) => ({ node: current, index })),
        );
      replacedNode.set(node, current);
      continue;
    }
    node.outputs.forEach((type, index) => {
      const found = values[index];
      if (found === undefined || !sameType(typeOf(found), type)) {
        const was = found === undefined ? "nothing" : formatType(typeOf(found));
        throw new Error(`a rule replaced output ${index} of ${node.op}, ${formatType(type)}, by ${was}`);
      }
    });
    replaced.set(node, values);
    // A control edge waits for the node; after the replacement, for what computes its first output.
    replacedNode.set(node, values[0]?.node ?? current);
  }
  const outputs = Object.fromEntries(Object.entries(graph.outputs).map(([name, value]) => [name, map(value)]));
  return makeGraph(outputs);
}

/** What the first and only output of a node becomes, or null to keep it. */
export type ValueRule = (node: Node, context: RewriteContext) => Value | null;

/**
 * A rule that looks up the one for a node's op. Nodes with control edges are kept: what they wait for, or what makes them
 * different from others of their kind, is not theirs to lose.
 */
export function ruleByOp(table: Readonly<Record<string, ValueRule>>): RewriteRule {
  return (node, context) => {
    if (node.controls.length > 0 || !Object.hasOwn(table, node.op)) return null;
    const value = table[node.op]!(node, context);
    return value === null ? null : [value];
  };
}

/** More rounds than any real graph takes: two rules that undo each other. */
const maxRounds = 100;

/** Applies a rule until there is nothing left that it changes: what one application makes is seen by the next. */
export function rewriteUntilStable(graph: Graph, rule: RewriteRule): Graph {
  let current = graph;
  for (let round = 0; round < maxRounds; round++) {
    let hasFired = false;
    current = rewriteGraph(current, (node, context) => {
      const values = rule(node, context);
      hasFired ||= values !== null;
      return values;
    });
    if (!hasFired) return current;
  }
  throw new Error(`a rule still changes the graph after ${maxRounds} rounds`);
}
