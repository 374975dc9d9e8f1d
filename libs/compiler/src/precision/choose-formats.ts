import { type Graph, type Node, opTable, type PrecisionTrait, typeOf, type Value } from "@anneal/graph";
import type { CostModel } from "./kernel-costs.ts";
import { type Edge, minimumCut } from "./min-cut.ts";

/** Inputs and outputs of a node that are 16-bit floats where the node is computed in them, by index. */
export interface Following {
  readonly inputs: ReadonlySet<number>;
  readonly outputs: ReadonlySet<number>;
}

/** What follows the format of a node; null for one that is always computed in float32. */
export function followingOf(node: Node): Following | null {
  const trait = opTable[node.op]?.precision;
  if (trait === undefined || node.inputs.length > (trait.maxInputs ?? Number.POSITIVE_INFINITY)) return null;
  return {
    inputs: floats(node.inputs.map(typeOf), trait.inputs),
    outputs: floats(node.outputs, trait.outputs),
  };
}

function floats(types: readonly { readonly dtype: string }[], listed: PrecisionTrait["inputs"]): ReadonlySet<number> {
  const places = types.flatMap(({ dtype }, index) => (dtype === "float32" ? [index] : []));
  return new Set(listed === undefined ? places : places.filter((index) => listed.includes(index)));
}

/**
 * The nodes that are to be computed in 16-bit floats: those for which kernels and casts together cost least. An exact minimum: the
 * nodes are split into two sets by a cut, in which each node costs what its kernel does on its side, and each value that is
 * needed on the other side one cast, however many take it (project selection by minimum cut, Picard 1976).
 *
 * @param isAllowed whether a person lets this node be computed in 16-bit floats
 */
export function chooseHalfNodes(graph: Graph, costs: CostModel, isAllowed: (node: Node) => boolean): ReadonlySet<Node> {
  const candidates = findCandidates(graph, isAllowed);
  const problem = new CutProblem(candidates.keys());
  for (const node of candidates.keys()) {
    const { float32, half } = costs.kernel(node);
    problem.addNode(node, float32, half);
  }
  for (const [value, takers] of takersOf(graph, candidates)) {
    const { node, index } = value;
    const follows = candidates.get(node)?.outputs.has(index) ?? false;
    // A constant is cast once, when the graph is loaded.
    const cost = node.op === "Const" ? 0 : costs.cast(typeOf(value));
    problem.addValue(follows ? node : null, takers, cost);
  }
  return problem.solve();
}

/**
 * Nodes that may be in 16-bit floats without rounding what nobody asked to round: those that gain by themselves, and those that
 * take, through others such, what they give.
 */
function findCandidates(graph: Graph, isAllowed: (node: Node) => boolean): ReadonlyMap<Node, Following> {
  const candidates = new Map<Node, Following>();
  for (const node of graph.nodes) {
    const following = followingOf(node);
    if (following === null || following.inputs.size + following.outputs.size === 0 || !isAllowed(node)) continue;
    const takesHalf = [...following.inputs].some((input) => {
      const { node: maker, index } = node.inputs[input]!;
      return candidates.get(maker)?.outputs.has(index) ?? false;
    });
    if (takesHalf || opTable[node.op]?.precision?.class === "allow") candidates.set(node, following);
  }
  return candidates;
}

interface Takers {
  /** Candidates that take the value in their own format. */
  readonly following: Set<Node>;
  /** Whether anything else takes it, in float32. */
  others: boolean;
}

/** Every float32 value that a candidate makes or takes, with those who take it. */
function takersOf(graph: Graph, candidates: ReadonlyMap<Node, Following>): ReadonlyMap<Value, Takers> {
  const byNode = new Map<Node, Map<number, { readonly value: Value; readonly takers: Takers }>>();
  const takersOfValue = (value: Value): Takers => {
    const ofNode = byNode.get(value.node) ?? new Map();
    byNode.set(value.node, ofNode);
    const found = ofNode.get(value.index) ?? { value, takers: { following: new Set(), others: false } };
    ofNode.set(value.index, found);
    return found.takers;
  };
  for (const node of graph.nodes) {
    for (const [index, value] of node.inputs.entries()) {
      if (typeOf(value).dtype !== "float32") continue;
      const takers = takersOfValue(value);
      if (candidates.get(node)?.inputs.has(index)) takers.following.add(node);
      else takers.others = true;
    }
  }
  for (const value of Object.values(graph.outputs)) takersOfValue(value).others = true;
  return new Map(
    [...byNode.values()].flatMap((ofNode) => [...ofNode.values()].map((each) => [each.value, each.takers])),
  );
}

/** Vertices on the source's side are computed in float32, on the sink's side in 16 bits. */
class CutProblem {
  readonly #vertices = new Map<Node, number>();
  readonly #edges: Edge[] = [];
  #numVertices = 2;

  constructor(nodes: Iterable<Node>) {
    for (const node of nodes) this.#vertices.set(node, this.#numVertices++);
  }

  addNode(node: Node, float32: number, half: number): void {
    const vertex = this.#vertices.get(node)!;
    this.#edges.push({ from: source, to: vertex, capacity: half }, { from: vertex, to: sink, capacity: float32 });
  }

  /** @param maker null where the value is float32 whatever happens */
  addValue(maker: Node | null, { following, others }: Takers, cost: number): void {
    const from = maker === null ? source : this.#vertices.get(maker)!;
    const takers = [...following].map((node) => this.#vertices.get(node)!);
    this.#addCast(from, takers, cost, false);
    if (maker !== null) this.#addCast(from, others ? [source] : takers, cost, true);
  }

  solve(): ReadonlySet<Node> {
    const inFloat32 = minimumCut(this.#numVertices, this.#edges, source, sink);
    return new Set([...this.#vertices].filter(([, vertex]) => inFloat32[vertex] === 0).map(([node]) => node));
  }

  /** Costs once where `maker` is on one side and any of the takers on the other: 16 bits, or with `reverse` float32. */
  #addCast(maker: number, takers: readonly number[], capacity: number, reverse: boolean): void {
    const add = (from: number, to: number, cost: number) =>
      this.#edges.push(reverse ? { from: to, to: from, capacity: cost } : { from, to, capacity: cost });
    if (takers.length === 0) return;
    if (takers.length === 1) {
      add(maker, takers[0]!, capacity);
      return;
    }
    const any = this.#numVertices++;
    add(maker, any, capacity);
    for (const taker of takers) add(any, taker, Number.POSITIVE_INFINITY);
  }
}

const source = 0;
const sink = 1;
