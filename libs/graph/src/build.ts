import { type Attributes, attribute } from "./attributes.ts";
import { type Node, typeOf, type Value } from "./graph.ts";
import { inferOutputs } from "./infer.ts";
import { type ConstantValue, type Dtype, sameShape, type TensorType } from "./types.ts";

export interface NodeOptions {
  readonly controls?: readonly Node[];
  readonly scope?: string;
  readonly name?: string;
}

/**
 * A node of an op that the op table has; its outputs' types follow from the row's rule.
 *
 * @throws AnnealError TRACE_UNSUPPORTED when the op has no row or its shape depends on data
 */
export function makeNode(
  op: string,
  inputs: readonly Value[],
  attributes: Attributes = {},
  { controls = [], scope = "", name }: NodeOptions = {},
): Node {
  const outputs = inferOutputs({ op, inputs, attributes, scope });
  return { op, inputs, attributes, outputs, controls, scope, name: name ?? null };
}

/** The first output of a new node. */
export function makeValue(
  op: string,
  inputs: readonly Value[],
  attributes: Attributes = {},
  options: NodeOptions = {},
): Value {
  return { node: makeNode(op, inputs, attributes, options), index: 0 };
}

export function constant(value: ConstantValue, options: NodeOptions = {}): Value {
  const attributes = { dtype: attribute.type(value.dtype), value: attribute.tensor(value) };
  return makeValue("Const", [], attributes, options);
}

export function scalar(value: number, dtype: "float32" | "int32" = "float32"): Value {
  const data = dtype === "int32" ? Int32Array.of(value) : Float32Array.of(value);
  return constant({ dtype, shape: [], data });
}

/** int32 of shape [n]: a shape, axes, or whatever else an op takes as a list. */
export function intVector(values: readonly number[]): Value {
  return constant({ dtype: "int32", shape: [values.length], data: Int32Array.from(values) });
}

/** What is fed at each call. */
export function placeholder(name: string, { dtype, shape }: TensorType): Value {
  return makeValue("Placeholder", [], { dtype: attribute.type(dtype), shape: attribute.shape(shape) }, { name });
}

/** The handle of a variable that lives as long as the session. */
export function variableHandle(name: string, { dtype, shape }: TensorType): Value {
  const attributes = {
    dtype: attribute.type(dtype),
    shape: attribute.shape(shape),
    shared_name: attribute.string(name),
    container: attribute.string(""),
  };
  return makeValue("VarHandleOp", [], attributes, { name });
}

/** The value of a variable when the node runs. Two reads are two nodes: an update may come between them. */
export function readVariable(handle: Value, { dtype, shape }: TensorType, options: NodeOptions = {}): Value {
  // `_shape` is ours (TensorFlow ignores what starts with "_"): a handle's type says nothing of what it holds.
  const attributes = { dtype: attribute.type(dtype), _shape: attribute.shape(shape) };
  return makeValue("ReadVariableOp", [handle], attributes, { scope: handle.node.name ?? "", ...options });
}

/**
 * The node that gives a variable a copy of a value of its dtype and shape. TensorFlow's assignment would keep the memory of the value
 * itself. That of a feed belongs to JavaScript: it would change with every update, and a thread of TensorFlow would free it.
 */
export function assignVariable(handle: Value, value: Value, options: NodeOptions = {}): Node {
  const { dtype } = typeOf(value);
  const copy = simpleCall("DeepCopy", [value], { scope: options.scope ?? "" });
  return makeNode("AssignVariableOp", [handle, copy], typeAttribute("dtype", dtype), options);
}

export function typeAttribute(name: string, dtype: Dtype): Attributes {
  return { [name]: attribute.type(dtype) };
}

/** `value` in another shape of the same size: itself, where it has that shape. */
export function reshape(value: Value, shape: readonly number[], options: NodeOptions = {}): Value {
  const { dtype, shape: current } = typeOf(value);
  if (sameShape(current, shape)) return value;
  const attributes = { T: attribute.type(dtype), Tshape: attribute.type("int32") };
  return makeValue("Reshape", [value, intVector(shape)], attributes, options);
}

/** `value` with its axes in another order: axis `i` of the result is axis `order[i]` of the value. */
export function transpose(value: Value, order: readonly number[], options: NodeOptions = {}): Value {
  if (order.every((axis, index) => axis === index)) return value;
  const attributes = { T: attribute.type(typeOf(value).dtype), Tperm: attribute.type("int32") };
  return makeValue("Transpose", [value, intVector(order)], attributes, options);
}

/**
 * `value` itself, through a node that TensorFlow neither removes nor looks through: what takes it is not fused with what makes it, and
 * waits for the nodes in `controls`.
 */
export function barrier(value: Value, options: NodeOptions = {}): Value {
  const { dtype } = typeOf(value);
  // Nothing is fused with truth values, and they cannot be cast so. An identity that waits is not removed.
  if (dtype === "bool") return options.controls?.length ? simpleCall("Identity", [value], options) : value;
  // Other identities are removed. A cast to the same type hands on the memory as well, and `ModelPruner` and `Remapper` let it be.
  return makeValue("Bitcast", [value], { ...typeAttribute("T", dtype), ...typeAttribute("type", dtype) }, options);
}

/** A call of an op whose only attribute is the dtype of its inputs. */
export function simpleCall(op: string, inputs: readonly Value[], options: NodeOptions = {}): Value {
  return makeValue(op, inputs, typeAttribute("T", typeOf(inputs[0]!).dtype), options);
}

/** Sum, mean or another reduction of `value` over these axes. */
export function reduce(
  op: string,
  value: Value,
  { axes, keepsDims = false }: { readonly axes: readonly number[]; readonly keepsDims?: boolean },
  options: NodeOptions = {},
): Value {
  const attributes = {
    T: attribute.type(typeOf(value).dtype),
    Tidx: attribute.type("int32"),
    keep_dims: attribute.bool(keepsDims),
  };
  return makeValue(op, [value, intVector(axes)], attributes, options);
}
