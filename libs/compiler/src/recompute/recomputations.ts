import { type Node, opTable, type Value } from "@anneal/graph";
import type { BackwardPass } from "./backward-passes.ts";
import type { Segment } from "./choose-segments.ts";
import type { ForwardValue, ForwardValues } from "./forward-values.ts";

/** Nodes of the forward pass that are computed again, all when the backward pass comes to them. */
export interface Recomputation {
  /** Each after all that it needs of them. */
  readonly nodes: ReadonlySet<Node>;
  /** Whether a value of one of them is taken from here: one that was kept is not. */
  readonly makes: (value: Value) => boolean;
  /** Who has what these nodes take and do not make. */
  readonly sourceOf: SourceOf;
  /** Nodes of the backward pass that take what is made here, or made from that. */
  readonly users: ReadonlySet<Node>;
  /** Those that take what the segment after this one has made: they come first. */
  readonly usersBefore: ReadonlySet<Node>;
}

/** Who has a value: a recomputation, or the forward pass itself (null). */
export type SourceOf = (value: Value) => Recomputation | null;

/** What is computed again for a backward pass, in the order in which it comes to it. */
export interface RecomputationPlan {
  readonly pass: BackwardPass;
  readonly recomputations: readonly Recomputation[];
  /** Who has a value when the backward pass takes it. */
  readonly sourceOf: SourceOf;
}

/** Which nodes are computed again, from what, and for which nodes of the backward pass. */
export function planRecomputations(
  pass: BackwardPass,
  values: ForwardValues,
  segments: readonly Segment[],
): RecomputationPlan {
  const planner = new Planner(pass, values);
  planner.plan(segments, 0, () => null);
  return planner;
}

class Planner implements RecomputationPlan {
  readonly pass: BackwardPass;
  readonly recomputations: Recomputation[] = [];
  readonly #values: ForwardValues;
  readonly #users: readonly (readonly Node[])[];
  readonly #sources = new Map<Node, (Recomputation | null)[]>();
  #usersBefore: ReadonlySet<Node> = new Set();

  constructor(pass: BackwardPass, values: ForwardValues) {
    const { forward, backward } = pass;
    this.pass = pass;
    this.#values = values;
    const places = new Map(forward.map((node, index) => [node, index]));
    const users: Node[][] = forward.map(() => []);
    for (const node of backward) {
      for (const { node: maker } of node.inputs) users[places.get(maker) ?? -1]?.push(node);
    }
    this.#users = users;
  }

  readonly sourceOf: SourceOf = ({ node, index }) => this.#sources.get(node)?.[index] ?? null;

  /**
   * Plans consecutive segments, from the last to the first. The last is not computed again: what it made is still there.
   *
   * @param available who has what is made in them, all of which has been computed once, and before them
   */
  plan(segments: readonly Segment[], start: number, available: SourceOf): void {
    for (let index = segments.length - 1; index >= 0; index--) {
      const { end, inner } = segments[index]!;
      const from = segments[index - 1]?.end ?? start;
      const made = this.#made(from, end);
      const isLast = index === segments.length - 1;
      const source = isLast ? available : this.#computeAgain(made, from, end, inner, available);
      if (inner.length === 0) for (const value of made) this.#settle(value, source);
      this.#usersBefore = new Set(this.#users.slice(from, end).flat());
    }
  }

  /** All but what later segments take, which is kept. */
  #computeAgain(
    made: readonly ForwardValue[],
    from: number,
    end: number,
    inner: readonly Segment[],
    available: SourceOf,
  ): SourceOf {
    let open = made.filter(({ lastUse, value }) => lastUse < end && canRepeat(value.node));
    let nodes = this.#closure(open, inner);
    for (;;) {
      // A node that is fused in the forward pass is not computed again without its partner: its values are kept instead.
      const parted = open.filter(({ value: { node } }) => nodes.has(node) && !this.#hasPartner(node, nodes));
      if (parted.length === 0) break;
      open = open.filter((value) => !parted.includes(value));
      nodes = this.#closure(open, inner);
    }
    const isOpen = new Set<ForwardValue | undefined>(open);
    const isMade = ({ node, index }: Value) => isOpen.has(this.#values.get(node)?.[index]);
    const users = new Set(open.flatMap(({ made: place }) => this.#users[place]!));
    const makes = (value: Value) => nodes.has(value.node) && isMade(value);
    const recomputation = { nodes, makes, sourceOf: available, users, usersBefore: this.#usersBefore };
    if (nodes.size > 0) this.recomputations.push(recomputation);
    const source: SourceOf = (value) => (makes(value) ? recomputation : available(value));
    if (inner.length > 0) this.plan(inner, from, source);
    return source;
  }

  #settle({ value: { node, index } }: ForwardValue, source: SourceOf): void {
    const known = this.#sources.get(node) ?? [];
    known[index] = source({ node, index });
    this.#sources.set(node, known);
  }

  #made(from: number, end: number): readonly ForwardValue[] {
    const made = this.pass.forward.slice(from, end).flatMap((node) => this.#values.get(node)!);
    return made.filter((value) => value !== undefined);
  }

  #hasPartner(node: Node, nodes: ReadonlySet<Node>): boolean {
    const partner = this.#values.get(node)![0]?.partner ?? null;
    return partner === null || nodes.has(partner) || this.pass.backward.has(partner);
  }

  /** Nodes of what has to be made again, and all that they need of what may be, in order. */
  #closure(open: readonly ForwardValue[], inner: readonly Segment[]): ReadonlySet<Node> {
    const isOpen = new Set<ForwardValue | undefined>(open);
    const isMade = ({ node, index }: Value) => isOpen.has(this.#values.get(node)?.[index]);
    const found = new Set<Node>();
    const pending = open.filter((value) => isWanted(value, inner)).map(({ value }) => value.node);
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if (found.has(node)) continue;
      found.add(node);
      for (const input of node.inputs) if (isMade(input)) pending.push(input.node);
    }
    return new Set(this.pass.forward.filter((node) => found.has(node)));
  }
}

/** Whether computing a segment again has to give a value: to the backward pass, or to later pieces of the segment. */
function isWanted({ made, lastUse, isNeeded }: ForwardValue, inner: readonly Segment[]): boolean {
  const piece = inner.findIndex(({ end }) => made < end);
  return piece < 0 || piece === inner.length - 1 ? isNeeded : lastUse >= inner[piece]!.end;
}

/** What reads or writes a variable, or may give something else the second time, is done once. */
function canRepeat({ op }: Node): boolean {
  return opTable[op]?.stateful !== true;
}
