import {
  attribute,
  constant,
  constantOf,
  isSet,
  isSplat,
  makeValue,
  type Node,
  numbersOf,
  producerOf,
  reduce,
  reducedAxes,
  reshape,
  rewriteUntilStable,
  ruleByOp,
  sameShape,
  sameType,
  scalar,
  splatOf,
  transpose,
  typeOf,
  type Value,
  type ValueRule,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";

/**
 * What moves nothing, or converts to the dtype that it has, is gone; everything that only gives a new shape is a `Reshape`, and
 * two of a kind in a row are one. Traces are full of these: tfjs reshapes and casts wherever it might be needed.
 */
export const simplifyMovement: Pass = {
  name: "simplify-movement",
  run: (graph) => rewriteUntilStable(graph, ruleByOp(rules)),
};

/** The first input, where the node gives it back as it is. */
const sameAsInput: ValueRule = ({ inputs, outputs }) => (sameType(typeOf(inputs[0]!), outputs[0]!) ? inputs[0]! : null);

/** The first input in another shape: for nodes that do nothing else. */
const asReshape: ValueRule = ({ inputs, outputs, scope }) => reshape(inputs[0]!, outputs[0]!.shape, { scope });

const rules: Readonly<Record<string, ValueRule>> = {
  Identity: sameAsInput,
  StopGradient: sameAsInput,
  Cast: (node, context) => sameAsInput(node, context) ?? castOfOneHot(node, context),
  ExpandDims: asReshape,
  Squeeze: asReshape,
  // Without a change of shape these four have nothing to do.
  Slice: sameAsInput,
  Pad: sameAsInput,
  Tile: sameAsInput,
  BroadcastTo: sameAsInput,
  Reshape: reshapeRule,
  Transpose: transposeRule,
  Sum: reductionRule,
  Mean: reductionRule,
  Max: reductionRule,
  Min: reductionRule,
  Prod: reductionRule,
  Pack: (node) => (node.inputs.length === 1 ? asReshape(node, undefined as never) : null),
  ConcatV2: (node, context) => (node.inputs.length === 2 ? sameAsInput(node, context) : null),
};

function reshapeRule({ inputs, outputs, scope }: Node, { numUses, original }: Parameters<ValueRule>[1]): Value | null {
  const [input] = inputs as [Value];
  const { shape } = outputs[0]!;
  if (sameShape(typeOf(input).shape, shape)) return input;
  const inner = producerOf(input, "Reshape");
  if (inner !== null) return reshape(inner.inputs[0]!, shape, { scope });
  const value = constantOf(input);
  if (value !== null && isSplat(value)) return constant({ ...value, shape });
  const reduction = producerOf(input, "Sum", "Mean", "Max", "Min", "Prod");
  if (reduction !== null && numUses(original(input)) === 1) {
    const keepsDims = !isSet(reduction, "keep_dims");
    const [reduced] = reduction.inputs as [Value];
    const other = reduce(
      reduction.op,
      reduced,
      { axes: reducedAxes(reduction), keepsDims },
      { scope: reduction.scope },
    );
    if (sameShape(typeOf(other).shape, shape)) return other;
  }
  // One way to write a shape: equal ones can be shared.
  const written = numbersOf(inputs[1]!)!;
  return sameShape(written, shape) ? null : reshape(input, shape, { scope });
}

/** One-hot vectors in the dtype that they are needed in. */
function castOfOneHot({ inputs, outputs, scope }: Node, { numUses, original }: Parameters<ValueRule>[1]): Value | null {
  const oneHot = producerOf(inputs[0]!, "OneHot");
  const { dtype } = outputs[0]!;
  if (oneHot === null || numUses(original(inputs[0]!)) !== 1 || (dtype !== "float32" && dtype !== "int32")) return null;
  const [indices, depth, on, off] = oneHot.inputs as [Value, Value, Value, Value];
  const levels = [on, off].map(splatOf);
  if (levels.some((level) => level === null || !Number.isInteger(level))) return null;
  const [onLevel, offLevel] = levels.map((level) => scalar(level!, dtype)) as [Value, Value];
  const attributes = { ...oneHot.attributes, T: attribute.type(dtype) };
  return makeValue("OneHot", [indices, depth, onLevel, offLevel], attributes, { scope });
}

function transposeRule({ inputs, outputs, scope }: Node): Value | null {
  const [input] = inputs as [Value];
  const order = orderOf(inputs[1]!);
  if (order.every((axis, index) => axis === index)) return input;
  const inner = producerOf(input, "Transpose");
  if (inner !== null) {
    const innerOrder = orderOf(inner.inputs[1]!);
    return transpose(
      inner.inputs[0]!,
      order.map((axis) => innerOrder[axis]!),
      { scope },
    );
  }
  // Axes of size 1 can be anywhere: what counts is the order of the others.
  const { shape } = typeOf(input);
  const moved = order.filter((axis) => shape[axis] !== 1);
  const isSorted = moved.every((axis, index) => index === 0 || moved[index - 1]! < axis);
  return isSorted ? reshape(input, outputs[0]!.shape, { scope }) : null;
}

function orderOf(value: Value): readonly number[] {
  const order = numbersOf(value)!;
  return order.map((axis) => (axis < 0 ? axis + order.length : axis));
}

/** The sum of one value is the value. */
function reductionRule(node: Node): Value | null {
  const { shape } = typeOf(node.inputs[0]!);
  const foldsNothing = reducedAxes(node).every((axis) => shape[axis] === 1);
  return foldsNothing ? reshape(node.inputs[0]!, node.outputs[0]!.shape, { scope: node.scope }) : null;
}
