import { bytesOf, memoryUseOf, type Node, typeOf, type Value } from "@anneal/graph";
import type { BackwardPass } from "./backward-passes.ts";

/** A value of the forward pass. Places are indices into `BackwardPass.forward`. */
export interface ForwardValue {
  readonly value: Value;
  readonly made: number;
  /** Where the forward pass takes it last; where it is made, if it does not. */
  readonly lastUse: number;
  /** Whether the backward pass takes it. */
  readonly isNeeded: boolean;
}

/** Every value of the forward pass that somebody takes, by its node. */
export type ForwardValues = ReadonlyMap<Node, readonly (ForwardValue | undefined)[]>;

export function forwardValuesOf({ forward, backward }: BackwardPass): ForwardValues {
  const places = new Map(forward.map((node, index) => [node, index]));
  const values = new Map<Node, (ForwardValue | undefined)[]>(forward.map((node) => [node, []]));
  const take = (value: Value, use: { readonly place: number } | null): void => {
    const made = places.get(value.node);
    if (made === undefined) return;
    const known = values.get(value.node)![value.index];
    values.get(value.node)![value.index] = {
      value,
      made,
      lastUse: Math.max(known?.lastUse ?? made, use?.place ?? made),
      isNeeded: (known?.isNeeded ?? false) || use === null,
    };
  };
  forward.forEach((node, place) => {
    for (const input of node.inputs) take(input, { place });
  });
  for (const node of backward) for (const input of node.inputs) take(input, null);
  return values;
}

/**
 * Places before which no border may be: the node there takes a value of one before it that nothing else takes, and TensorFlow may fuse
 * the two. Were the value kept, somebody else would take it, too.
 */
export function fusedPlaces(
  { forward }: BackwardPass,
  values: ForwardValues,
  numUses: (value: Value) => number,
): ReadonlySet<number> {
  const fused = new Set<number>();
  for (const { value, made, lastUse } of [...values.values()].flat().filter((found) => found !== undefined)) {
    // Of several outputs only the first is ever fused.
    const isAlone = value.index === 0 && numUses(value) === 1 && memoryUseOf(forward[lastUse]!).viewOf === null;
    for (let place = made + 1; isAlone && place <= lastUse; place++) fused.add(place);
  }
  return fused;
}

/** A piece of memory of the forward pass: a value, and all views of it. */
export interface ForwardBuffer extends Omit<ForwardValue, "value"> {
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
