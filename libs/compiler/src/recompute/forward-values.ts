import { bytesOf, type Graph, memoryUseOf, type Node, typeOf, type Value } from "@anneal/graph";
import type { BackwardPass } from "./backward-passes.ts";

/** A value of the forward pass. Places are indices into `BackwardPass.forward`. */
export interface ForwardValue {
  readonly value: Value;
  readonly made: number;
  /** Where the forward pass takes it last; where it is made, if it does not. */
  readonly lastUse: number;
  /** Whether the backward pass takes it. */
  readonly isNeeded: boolean;
  /** The node that TensorFlow may have fused with the one that makes it. */
  readonly partner: Node | null;
}

/** Every value of the forward pass that somebody takes, by its node. */
export type ForwardValues = ReadonlyMap<Node, readonly (ForwardValue | undefined)[]>;

export function forwardValuesOf(graph: Graph, { forward, backward }: BackwardPass): ForwardValues {
  const places = new Map(forward.map((node, index) => [node, index]));
  const values = new Map<Node, (ForwardValue | undefined)[]>(forward.map((node) => [node, []]));
  const partnerOf = partnersOf(graph);
  const take = (value: Value, use: { readonly place: number } | null): void => {
    const made = places.get(value.node);
    if (made === undefined) return;
    const known = values.get(value.node)![value.index];
    values.get(value.node)![value.index] = {
      value,
      made,
      lastUse: Math.max(known?.lastUse ?? made, use?.place ?? made),
      isNeeded: (known?.isNeeded ?? false) || use === null,
      partner: partnerOf(value),
    };
  };
  forward.forEach((node, place) => {
    for (const input of node.inputs) take(input, { place });
  });
  for (const node of backward) for (const input of node.inputs) take(input, null);
  return values;
}

/**
 * Of a node's first value, the only node that takes it: TensorFlow may fuse the two, and a fused kernel may round differently. What
 * only shows the value, as a reshaping does, is fused with nothing.
 */
function partnersOf({ nodes, outputs }: Graph): (value: Value) => Node | null {
  const users = new Map<Node, Node | null>();
  const take = ({ node, index }: Value, user: Node | null): void => {
    if (index === 0) users.set(node, users.has(node) ? null : user);
  };
  for (const node of nodes) for (const input of node.inputs) take(input, node);
  for (const value of Object.values(outputs)) take(value, null);
  return ({ node, index }) => {
    const user = index === 0 ? (users.get(node) ?? null) : null;
    return user === null || memoryUseOf(user).viewOf !== null ? null : user;
  };
}

/**
 * Places before which no border may be: between a value and its partner. Were the value kept, somebody else would take it, too, and the
 * two would not be fused.
 */
export function fusedPlaces(values: ForwardValues): ReadonlySet<number> {
  const fused = new Set<number>();
  for (const found of [...values.values()].flat()) {
    if (found === undefined || found.partner === null) continue;
    for (let place = found.made + 1; place <= found.lastUse; place++) fused.add(place);
  }
  return fused;
}

/** A piece of memory of the forward pass: a value, and all views of it. */
export interface ForwardBuffer extends Omit<ForwardValue, "value" | "partner"> {
  readonly bytes: number;
}

/** Memory that values of the forward pass take; those that show what is fed, or variables, take none. */
export function forwardBuffersOf(values: ForwardValues): readonly ForwardBuffer[] {
  const buffers = new Map<Node, (ForwardBuffer | undefined)[]>();
  for (const found of [...values.values()].flat()) {
    if (found === undefined) continue;
    const { node, index } = shownBy(found.value);
    const owner = values.get(node);
    if (owner === undefined) continue;
    const own = buffers.get(node) ?? [];
    buffers.set(node, own);
    const known = own[index];
    own[index] = {
      made: Math.min(known?.made ?? found.made, found.made),
      lastUse: Math.max(known?.lastUse ?? 0, found.lastUse),
      isNeeded: (known?.isNeeded ?? false) || found.isNeeded,
      bytes: bytesOf(typeOf({ node, index })) + (index === 0 ? memoryUseOf(node).workspaceBytes : 0),
    };
  }
  return [...buffers.values()].flat().filter((buffer) => buffer !== undefined);
}

/** The value whose memory a value shows: itself, unless it is a view. */
function shownBy(value: Value): Value {
  let shown = value;
  for (;;) {
    const { viewOf } = memoryUseOf(shown.node);
    const input = viewOf === null ? undefined : shown.node.inputs[viewOf];
    if (input === undefined) return shown;
    shown = input;
  }
}
