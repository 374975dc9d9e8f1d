import {
  attribute,
  type Graph,
  makeValue,
  type Node,
  rewriteGraph,
  sameType,
  simpleCall,
  typeAttribute,
  typeOf,
  type Value,
} from "@anneal/graph";

/** One summand. */
export interface Term {
  readonly value: Value;
  /** Nobody but the sum needs it: when it becomes part of another term, it is gone. */
  readonly isOnlyInSum: boolean;
  /** Where its node is in the graph's order. */
  readonly position: (node: Node) => number;
}

const additions = new Set(["Add", "AddV2", "AddN"]);

export function isAddition({ op }: Node): boolean {
  return additions.has(op);
}

/**
 * Takes every sum of several terms for one, however it was written: tfjs adds up gradients two by two. `combine` gives the
 * terms that a sum shall have instead, or null to keep it.
 */
export function rewriteSums(
  graph: Graph,
  combine: (terms: readonly Term[], sum: Node) => readonly Value[] | null,
): Graph {
  const parts = partsOfSums(graph);
  const positions = new Map(graph.nodes.map((node, index) => [node, index]));
  return rewriteGraph(graph, (node, { original, numUses }) => {
    const before = original({ node, index: 0 }).node;
    if (!isAddition(node) || node.controls.length > 0 || parts.has(before)) return null;
    const type = node.outputs[0]!;
    const position = (of: Node): number => positions.get(original({ node: of, index: 0 }).node) ?? positions.size;
    const terms: Term[] = [];
    const pending: Value[] = [...node.inputs].reverse();
    for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
      // A term that broadcasts is none of another's kind.
      if (!sameType(typeOf(value), type)) return null;
      if (parts.has(original(value).node)) pending.push(...[...value.node.inputs].reverse());
      else terms.push({ value, isOnlyInSum: numUses(original(value)) === 1, position });
    }
    const combined = combine(terms, node);
    return combined === null ? null : [sumOf(combined, node.scope)];
  });
}

/** Additions that nothing needs but one other addition, of the same type. */
function partsOfSums(graph: Graph): ReadonlySet<Node> {
  const users = new Map<Node, Node | "several">();
  const use = (node: Node, user: Node | "several") => users.set(node, users.has(node) ? "several" : user);
  for (const node of graph.nodes) {
    for (const input of node.inputs) use(input.node, node);
    for (const control of node.controls) use(control, "several");
  }
  for (const { node } of Object.values(graph.outputs)) use(node, "several");
  const parts = graph.nodes.filter((node) => {
    const user = users.get(node);
    if (!isAddition(node) || node.controls.length > 0 || user === undefined || user === "several") return false;
    return isAddition(user) && sameType(user.outputs[0]!, node.outputs[0]!);
  });
  return new Set(parts);
}

export function sumOf(terms: readonly Value[], scope: string): Value {
  const [first] = terms;
  if (first === undefined) throw new RangeError("a sum of nothing has no type");
  if (terms.length === 1) return first;
  if (terms.length === 2) return simpleCall("AddV2", terms, { scope });
  return makeValue(
    "AddN",
    terms,
    { ...typeAttribute("T", typeOf(first).dtype), N: attribute.int(terms.length) },
    { scope },
  );
}
