import {
  attribute,
  type Graph,
  intVector,
  makeNode,
  makeValue,
  type Node,
  type RewriteContext,
  readAttribute,
  reshape,
  scalar,
  typeAttribute,
  typeOf,
  type Value,
} from "@anneal/graph";

/** The axis along which a node takes a tensor apart, counted from the front; null for another op. */
export function unpackAxis(node: Node): number | null {
  return node.op === "Unpack" ? axisOf(node, typeOf(node.inputs[0]!).shape.length) : null;
}

/** The axis along which a node puts tensors together, counted from the front; null for another op. */
export function packAxis(node: Node): number | null {
  return node.op === "Pack" ? axisOf(node, node.outputs[0]!.shape.length) : null;
}

function axisOf(node: Node, rank: number): number {
  const axis = readAttribute(node.attributes, "axis", "int") ?? 0;
  return axis < 0 ? axis + rank : axis;
}

/** The node that a value is one of the outputs of, if it takes a tensor apart along its first axis. */
export function unpackOf({ node }: Value): Node | null {
  return unpackAxis(node) === 0 ? node : null;
}

/** Tensors of one shape put together along a new axis. */
export function pack(values: readonly Value[], axis: number, scope: string): Value {
  const attributes = {
    ...typeAttribute("T", typeOf(values[0]!).dtype),
    N: attribute.int(values.length),
    axis: attribute.int(axis),
  };
  return makeValue("Pack", values, attributes, { scope });
}

/** Takes a tensor apart along an axis: as many values as it has places there, without the axis. */
export function unpack(value: Value, axis: number, scope: string): readonly Value[] {
  const { dtype, shape } = typeOf(value);
  const attributes = {
    ...typeAttribute("T", dtype),
    num: attribute.int(shape[axis]!),
    axis: attribute.int(axis),
  };
  const { node } = makeValue("Unpack", [value], attributes, { scope });
  return node.outputs.map((_, index) => ({ node, index }));
}

export function concatenate(values: readonly Value[], axis: number, scope: string): Value {
  const attributes = {
    ...typeAttribute("T", typeOf(values[0]!).dtype),
    N: attribute.int(values.length),
    Tidx: attribute.type("int32"),
  };
  return makeValue("ConcatV2", [...values, scalar(axis, "int32")], attributes, { scope });
}

/** Of smaller gates the calls for each cost more than a copy does: measured with the gates of recurrent layers. */
export const minGateSize = 128 * 128;

/** Parts of a tensor along an axis, of these sizes. */
function split(value: Value, sizes: readonly number[], axis: number): readonly Value[] {
  const attributes = {
    ...typeAttribute("T", typeOf(value).dtype),
    num_split: attribute.int(sizes.length),
    Tlen: attribute.type("int32"),
  };
  const node = makeNode("SplitV", [value, intVector(sizes), scalar(axis, "int32")], attributes, {
    scope: value.node.scope,
  });
  return sizes.map((_, index) => ({ node, index }));
}

/** Takes weights apart as `split` does, each once, however many timesteps use it; for one rewriting of `graph`. */
export function weightSplitter(graph: Graph) {
  const places = new Map(graph.nodes.map((node, index) => [node, index]));
  const known = new Map<string, readonly Value[]>();
  return (weight: Value, sizes: readonly number[], axis: number, { original }: RewriteContext): readonly Value[] => {
    const before = original(weight);
    const key = `${places.get(before.node)}:${before.index} ${axis} ${sizes}`;
    const parts = known.get(key) ?? split(weight, sizes, axis);
    known.set(key, parts);
    return parts;
  };
}

/**
 * Rows of matrices one below the other, `[sum of rows, columns]`. Matrices that are a tensor taken apart are that tensor.
 */
export function concatenateRows(matrices: readonly Value[], scope: string): Value {
  const source = unpackOf(matrices[0]!);
  const isWhole =
    source !== null &&
    source.outputs.length === matrices.length &&
    matrices.every(({ node, index }, place) => node === source && index === place);
  if (!isWhole) return concatenate(matrices, 0, scope);
  const { shape } = typeOf(source.inputs[0]!);
  return reshape(source.inputs[0]!, [shape[0]! * shape[1]!, shape[2]!], { scope });
}

/** A permutation that moves one axis and keeps the others in order. */
export function moveAxis(rank: number, from: number, to: number): readonly number[] {
  const others = Array.from({ length: rank }, (_, axis) => axis).toSpliced(from, 1);
  return others.toSpliced(to, 0, from);
}
