import {
  constant,
  constantOf,
  isSplat,
  makeNode,
  type Node,
  opTable,
  producerOf,
  reshape,
  rewriteUntilStable,
  sameShape,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";

/**
 * `f(reshape(x)) = reshape(f(x))` for whatever works on each value alone. Reshapes gather behind such ops, where they meet the
 * next one and cancel; a matrix product, its bias and its activation come to stand next to each other.
 */
export const lateReshapes: Pass = {
  name: "late-reshapes",
  run: (graph) => rewriteUntilStable(graph, behindReshape),
};

function behindReshape(node: Node): readonly Value[] | null {
  const row = opTable[node.op]!;
  const isRowwise = row.kind === "normalization" && node.inputs.length === 1;
  if (node.controls.length > 0 || node.outputs.length !== 1 || (row.kind !== "elementwise" && !isRowwise)) return null;
  // A vector chooses along the first axis of the branches, not the last.
  if (node.op === "Select" || node.attributes.data_format !== undefined) return null;
  const { shape } = node.outputs[0]!;
  const shapes = node.inputs.flatMap((input) => {
    const from = producerOf(input, "Reshape");
    return from !== null && sameShape(typeOf(input).shape, shape) ? [typeOf(from.inputs[0]!).shape] : [];
  });
  const [inner] = shapes;
  if (inner === undefined || shapes.some((other) => !sameShape(other, inner))) return null;
  const keepsRows = inner.length > 0 && inner.at(-1) === shape.at(-1);
  if ((isRowwise && !keepsRows) || (node.op === "BiasAdd" && inner.length < 2)) return null;
  const inputs = node.inputs.map((input) => inShape(input, { shape, inner, keepsRows }));
  if (!inputs.every((input) => input !== null)) return null;
  const value: Value = { node: makeNode(node.op, inputs, node.attributes, { scope: node.scope }), index: 0 };
  return [reshape(value, shape, { scope: node.scope })];
}

interface Shapes {
  /** Before: of the output, and of every input that does not broadcast. */
  readonly shape: readonly number[];
  /** After. */
  readonly inner: readonly number[];
  /** Whether both have the same last axis, so that a vector along it stays one. */
  readonly keepsRows: boolean;
}

function inShape(input: Value, { shape, inner, keepsRows }: Shapes): Value | null {
  const own = typeOf(input).shape;
  const isAlongLast = own.length === 1 && own[0] === shape.at(-1);
  // Of one axis, a vector is the tensor itself; of none, a scalar is.
  const isScalar = own.length === 0 && shape.length > 0;
  if (isScalar || (isAlongLast && keepsRows && shape.length > 1 && inner.length > 0)) return input;
  if (!sameShape(own, shape)) return null;
  const value = constantOf(input);
  if (value !== null) return isSplat(value) || value.data.length > 0 ? constant({ ...value, shape: inner }) : null;
  return producerOf(input, "Reshape")?.inputs[0] ?? null;
}
