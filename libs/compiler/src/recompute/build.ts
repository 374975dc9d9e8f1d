import { barrier, type Graph, makeGraph, makeNode, type Node, type Value } from "@anneal/graph";
import { withoutGradientPrefix } from "../trace/trace-backend.ts";
import type { Anchors } from "./anchors.ts";
import type { Recomputation, RecomputationPlan } from "./recomputations.ts";

/** Before the name of the part of a step that a node was computed again of. */
export const recomputedPrefix = "recomputed/";

/** The part of a step that a scope names: for the part itself, for its gradient, or where it is computed again. */
export function partOfScope(scope: string): string {
  return withoutGradientPrefix(scope.startsWith(recomputedPrefix) ? scope.slice(recomputedPrefix.length) : scope);
}

/**
 * A graph in which the backward pass takes what is computed again. A recomputation takes what it does not make itself through nodes
 * that wait for its anchors: it runs when they have, and TensorFlow does not merge it with the forward pass.
 */
export class RecomputedGraph {
  readonly graph: Graph;
  readonly #plans: readonly RecomputationPlan[];
  readonly #anchors: Anchors;
  readonly #forward: ReadonlySet<Node>;
  readonly #made = new Map<Node, Node>();
  readonly #repeated = new Map<Recomputation, Map<Node, Node>>();
  readonly #originals = new Map<Node, Node>();

  constructor(graph: Graph, plans: readonly RecomputationPlan[], anchors: Anchors) {
    this.#plans = plans;
    this.#anchors = anchors;
    this.#forward = new Set(plans.flatMap(({ pass }) => pass.forward));
    this.#makeAll(Object.values(graph.outputs).map(({ node }) => node));
    const outputs = Object.entries(graph.outputs).map(([name, value]) => [name, this.#find(null, value)] as const);
    this.graph = makeGraph(Object.fromEntries(outputs));
  }

  /** The node of the graph before that a node does the work of; undefined for one that only waits. */
  original(node: Node): Node | undefined {
    return this.#originals.get(node);
  }

  /** Depth first and without recursion, as graphs are ordered. */
  #makeAll(roots: readonly Node[]): void {
    const stack: (Node | Recomputation)[] = [...roots];
    for (let next = stack.at(-1); next !== undefined; next = stack.at(-1)) {
      const waiting = this.#isMade(next) ? [] : this.#needs(next).filter((other) => !this.#isMade(other));
      if (waiting.length > 0) {
        stack.push(...waiting);
        continue;
      }
      stack.pop();
      if (this.#isMade(next)) continue;
      if (isNode(next)) this.#make(next);
      else this.#repeat(next);
    }
  }

  #isMade(item: Node | Recomputation): boolean {
    return isNode(item) ? this.#made.has(item) : this.#repeated.has(item);
  }

  #needs(item: Node | Recomputation): readonly (Node | Recomputation)[] {
    if (isNode(item))
      return [...item.inputs.map((value) => this.#sourceFor(item, value) ?? value.node), ...item.controls];
    const taken = [...item.nodes].flatMap(({ inputs }) => inputs.filter((value) => !item.makes(value)));
    return [...taken.map((value) => item.sourceOf(value) ?? value.node), ...this.#anchors.get(item)!];
  }

  #make(node: Node): void {
    const inputs = node.inputs.map((value) => this.#find(this.#sourceFor(node, value), value));
    const controls = node.controls.map((control) => this.#made.get(control)!);
    const isSame =
      inputs.every((input, index) => input.node === node.inputs[index]!.node) &&
      controls.every((control, index) => control === node.controls[index]);
    const made = isSame ? node : { ...node, inputs, controls };
    this.#made.set(node, made);
    this.#originals.set(made, node);
  }

  #repeat(recomputation: Recomputation): void {
    const { nodes, makes, sourceOf } = recomputation;
    const repeated = new Map<Node, Node>();
    this.#repeated.set(recomputation, repeated);
    const controls = this.#anchors.get(recomputation)!.map((anchor) => this.#made.get(anchor)!);
    const begin = makeNode("NoOp", [], {}, { controls });
    const late = new Map<Node, Value[]>();
    /** A value of before, once the recomputation may begin. */
    const wait = (value: Value, scope: string): Value => {
      const found = this.#find(sourceOf(value), value);
      if (!this.#isOfForward(value)) return found;
      const known = late.get(found.node) ?? [];
      late.set(found.node, known);
      known[found.index] ??= barrier(found, { controls: [begin], scope });
      return known[found.index]!;
    };
    for (const node of nodes) {
      const scope = `${recomputedPrefix}${node.scope}`;
      const inputs = node.inputs.map((value) =>
        makes(value) ? { node: repeated.get(value.node)!, index: value.index } : wait(value, scope),
      );
      const again: Node = { ...node, inputs, scope };
      repeated.set(node, again);
      this.#originals.set(again, node);
    }
  }

  /** Of a forward pass, or fed: not there at any time, as variables and constants are. */
  #isOfForward({ node }: Value): boolean {
    return node.op === "Placeholder" || this.#forward.has(node);
  }

  #sourceFor(user: Node, value: Value): Recomputation | null {
    return this.#plans.find(({ pass }) => pass.backward.has(user))?.sourceOf(value) ?? null;
  }

  #find(source: Recomputation | null, { node, index }: Value): Value {
    const found = source === null ? this.#made.get(node) : this.#repeated.get(source)?.get(node);
    if (found === undefined) throw new Error(`${node.op} is taken before it is made`);
    return { node: found, index };
  }
}

function isNode(item: Node | Recomputation): item is Node {
  return "op" in item;
}
