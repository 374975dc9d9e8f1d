export { type Attribute, type Attributes, type AttributeValues, attribute, readAttribute } from "./attributes.ts";
export {
  assignVariable,
  barrier,
  constant,
  intVector,
  makeNode,
  makeValue,
  type NodeOptions,
  placeholder,
  readVariable,
  reduce,
  reshape,
  scalar,
  simpleCall,
  transpose,
  typeAttribute,
  variableHandle,
} from "./build.ts";
export { constantOf, numbersOf } from "./constants.ts";
export { type EncodedGraph, encodeGraph, encodeSavedModel } from "./encode.ts";
export { countUses, type Graph, makeGraph, type Node, sameValue, typeOf, type Value } from "./graph.ts";
export { multiplicationsOf } from "./infer.ts";
export { isSet, producerOf, reducedAxes, splatOf } from "./match.ts";
export { type MemoryUse, memoryUseOf } from "./memory-use.ts";
export { opTable } from "./ops/index.ts";
export type { OpKind, OpRow, PrecisionTrait } from "./ops/row.ts";
export {
  type RewriteContext,
  type RewriteRule,
  rewriteGraph,
  rewriteUntilStable,
  ruleByOp,
  type ValueRule,
} from "./rewrite.ts";
export {
  bytesOf,
  type ConstantValue,
  type Dtype,
  dtypeBytes,
  dtypeNumbers,
  dtypeOf,
  formatType,
  isSplat,
  sameShape,
  sameType,
  sizeOf,
  type TensorType,
} from "./types.ts";
export { verifyGraph } from "./verify.ts";
