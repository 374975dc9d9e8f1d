import {
  attribute,
  type Graph,
  intVector,
  makeNode,
  makeValue,
  type Node,
  numbersOf,
  opTable,
  producerOf,
  reshape,
  rewriteUntilStable,
  sameShape,
  scalar,
  simpleCall,
  sizeOf,
  splatOf,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";

/**
 * Values are repeated as late as possible, or not at all: `f(broadcast(x)) = broadcast(f(x))`, and most ops broadcast by themselves.
 * The gradient of a sum or a mean is such a repetition, which tfjs writes as a product with a tensor of ones.
 */
export const lateBroadcasts: Pass = { name: "late-broadcasts", run };

function run(graph: Graph): Graph {
  return rewriteUntilStable(graph, (node) => {
    if (node.controls.length > 0 || node.outputs.length !== 1) return null;
    const value = asBroadcast(node) ?? behindBroadcast(node);
    return value === null ? null : [value];
  });
}

function broadcast(value: Value, shape: readonly number[], scope: string): Value {
  if (sameShape(typeOf(value).shape, shape)) return value;
  const attributes = { T: attribute.type(typeOf(value).dtype), Tidx: attribute.type("int32") };
  return makeValue("BroadcastTo", [value, intVector(shape)], attributes, { scope });
}

/** Recognizes what only repeats: a product with ones (or another number), a tile of axes of size 1, a broadcast twice. */
function asBroadcast({ op, inputs, outputs, scope }: Node): Value | null {
  const { shape, dtype } = outputs[0]!;
  const [input] = inputs as [Value];
  if (op === "Mul" && dtype === "float32") {
    for (const [index, ones] of inputs.entries()) {
      const other = inputs[1 - index]!;
      const factor = splatOf(ones);
      if (factor === null || sizeOf(typeOf(other).shape) >= sizeOf(shape)) continue;
      const scaled = factor === 1 ? other : simpleCall("Mul", [other, scalar(factor)], { scope });
      return broadcast(scaled, shape, scope);
    }
  }
  if (op === "Tile") {
    const repeats = numbersOf(inputs[1]!)!;
    const own = typeOf(input).shape;
    const isBroadcast = repeats.every((times, axis) => times === 1 || own[axis] === 1);
    return isBroadcast && sizeOf(shape) > 0 ? broadcast(input, shape, scope) : null;
  }
  const inner = op === "BroadcastTo" || op === "Reshape" ? producerOf(input, "BroadcastTo") : null;
  if (inner === null) return null;
  const [source] = inner.inputs as [Value];
  if (op === "BroadcastTo") return broadcast(source, shape, scope);
  // One value fills any shape.
  return sizeOf(typeOf(source).shape) === 1 ? broadcast(reshape(source, [], { scope }), shape, scope) : null;
}

function behindBroadcast(node: Node): Value | null {
  const row = opTable[node.op]!;
  if (row.kind !== "elementwise" || (node.inputs.length > 1 && !row.broadcasts)) return null;
  const inputs = node.inputs.map((input) => producerOf(input, "BroadcastTo")?.inputs[0] ?? input);
  if (inputs.every((input, index) => input === node.inputs[index])) return null;
  const value: Value = { node: makeNode(node.op, inputs, node.attributes, { scope: node.scope }), index: 0 };
  return broadcast(value, node.outputs[0]!.shape, node.scope);
}
