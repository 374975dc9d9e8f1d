export { type Attribute, type Attributes, attribute, readAttribute } from "./attributes.ts";
export {
  constant,
  constantOf,
  intVector,
  makeNode,
  makeValue,
  type NodeOptions,
  placeholder,
  scalar,
  typeAttribute,
  variableHandle,
} from "./build.ts";
export { countUses, type Graph, makeGraph, type Node, sameValue, typeOf, type Value } from "./graph.ts";
export { opTable } from "./ops/index.ts";
export type { OpKind, OpRow } from "./ops/row.ts";
export {
  type ConstantValue,
  type Dtype,
  dtypeNumbers,
  dtypeOf,
  formatType,
  isSplat,
  sameShape,
  sameType,
  sizeOf,
  type TensorType,
} from "./types.ts";
