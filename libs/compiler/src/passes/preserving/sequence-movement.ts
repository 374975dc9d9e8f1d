import {
  type Node,
  numbersOf,
  producerOf,
  type RewriteContext,
  rewriteGraph,
  rewriteUntilStable,
  sameShape,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";
import { moveAxis, pack, packAxis, unpackAxis } from "../sequences.ts";

/**
 * Timesteps that are packed to a sequence, turned around and taken apart again, as between two recurrent layers and on the way back,
 * are the timesteps.
 */
export const sequenceMovement: Pass = {
  name: "sequence-movement",
  run: (graph) => rewriteGraph(rewriteUntilStable(graph, transposedPack), takenApart),
};

/** A transpose that only moves the axis along which something was packed: packed along the other axis to begin with. */
function transposedPack(node: Node, { numUses, original }: RewriteContext): readonly Value[] | null {
  if (node.op !== "Transpose" || node.controls.length > 0 || numUses(original(node.inputs[0]!)) !== 1) return null;
  const source = producerOf(node.inputs[0]!, "Pack");
  const from = source === null ? null : packAxis(source);
  const order = numbersOf(node.inputs[1]!);
  if (source === null || from === null || order === null) return null;
  const rank = order.length;
  const to = order.findIndex((axis) => (axis < 0 ? axis + rank : axis) === from);
  if (!sameShape(order, moveAxis(rank, from, to))) return null;
  return [pack(source.inputs, to, source.scope)];
}

/** What was packed and is taken apart along the same axis was never packed. */
function takenApart(node: Node): readonly Value[] | null {
  const axis = unpackAxis(node);
  const source = axis === null ? null : producerOf(node.inputs[0]!, "Pack");
  return source !== null && packAxis(source) === axis && node.controls.length === 0 ? source.inputs : null;
}
