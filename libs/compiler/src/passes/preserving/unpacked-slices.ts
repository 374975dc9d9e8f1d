import {
  type Graph,
  type Node,
  numbersOf,
  reshape,
  rewriteGraph,
  sizeOf,
  transpose,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";
import { moveAxis, unpack } from "../sequences.ts";

/**
 * A slice for each timestep, as loops over a sequence are written, is the sequence taken apart: with time as its first axis that
 * copies nothing, and later passes see that the slices belong together.
 */
export const unpackedSlices: Pass = { name: "unpacked-slices", run };

/** Slices of one place each, along one axis of one tensor. */
interface Places {
  readonly axis: number;
  /** The place that each takes. */
  readonly of: Map<Node, number>;
  steps: readonly Value[] | null;
}

/** Fewer may well be slices for their own sake. */
const minSlices = 4;

function run(graph: Graph): Graph {
  const members = new Map<Node, Places>();
  for (const places of placesOf(graph)) {
    const numPlaces = typeOf([...places.of.keys()][0]!.inputs[0]!).shape[places.axis]!;
    const numTaken = new Set(places.of.values()).size;
    if (numTaken < minSlices || numTaken < numPlaces / 2) continue;
    for (const node of places.of.keys()) members.set(node, places);
  }
  return rewriteGraph(graph, (node, { original }) => {
    const before = original({ node, index: 0 }).node;
    const places = members.get(before);
    if (places === undefined) return null;
    const { scope } = node;
    const [sequence] = node.inputs as [Value];
    const order = moveAxis(typeOf(sequence).shape.length, places.axis, 0);
    places.steps ??= unpack(transpose(sequence, order, { scope }), 0, scope);
    return [reshape(places.steps[places.of.get(before)!]!, node.outputs[0]!.shape, { scope })];
  });
}

function placesOf(graph: Graph): readonly Places[] {
  const bySource = new Map<Node, Map<string, Places>>();
  for (const node of graph.nodes) {
    const slice = node.op === "Slice" && node.controls.length === 0 ? singlePlace(node) : null;
    if (slice === null) continue;
    const [source] = node.inputs as [Value];
    const known = bySource.get(source.node) ?? new Map<string, Places>();
    bySource.set(source.node, known);
    const key = `${source.index} ${slice.axis}`;
    const places = known.get(key) ?? { axis: slice.axis, of: new Map(), steps: null };
    known.set(key, places);
    places.of.set(node, slice.place);
  }
  return [...bySource.values()].flatMap((known) => [...known.values()]);
}

/** Where a slice takes one place of one axis, and all of every other. */
function singlePlace(node: Node): { readonly axis: number; readonly place: number } | null {
  const { shape } = typeOf(node.inputs[0]!);
  const taken = node.outputs[0]!.shape;
  const begins = numbersOf(node.inputs[1]!);
  const axes = shape.flatMap((size, axis) => (size === taken[axis] ? [] : [axis]));
  const [axis] = axes;
  if (begins === null || axis === undefined || axes.length !== 1 || taken[axis] !== 1) return null;
  // Single numbers: a tensor for each costs more than the slice.
  return sizeOf(taken) > 1 ? { axis, place: begins[axis]! } : null;
}
