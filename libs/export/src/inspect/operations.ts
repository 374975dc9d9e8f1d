import type { NodeProto } from "../onnx/schema/onnx_pb.ts";

type Dims = readonly number[];

/** A call whose types are known. */
export interface KnownCall {
  readonly node: NodeProto;
  readonly inputs: readonly Dims[];
  readonly outputs: readonly Dims[];
}

/** Ops that only move or rename values. */
const free = new Set([
  "Cast",
  "Concat",
  "Constant",
  "ConstantOfShape",
  "Expand",
  "Flatten",
  "Gather",
  "Identity",
  "Pad",
  "Reshape",
  "Shape",
  "Slice",
  "Split",
  "Squeeze",
  "Tile",
  "Transpose",
  "Unsqueeze",
]);

/** Additions and multiplications of ops that do more than one for each value that they give. */
const counted: Readonly<Record<string, (call: KnownCall) => number>> = {
  Conv: (call) => convolution(call, 1),
  ConvInteger: (call) => convolution(call, 1),
  FusedConv: (call) => convolution(call, 1),
  QLinearConv: (call) => convolution(call, 3),
  ConvTranspose: ({ inputs }) => 2 * sizeOf(inputs[0]) * sizeOf(inputs[1]?.slice(1)),
  Gemm: product,
  FusedGemm: product,
  QGemm: product,
  MatMul: product,
  MatMulInteger: product,
  MatMulIntegerToFloat: product,
  DynamicQuantizeMatMul: product,
  QLinearMatMul: product,
  AveragePool: windowed,
  MaxPool: windowed,
  GlobalAveragePool: ({ inputs }) => sizeOf(inputs[0]),
  GlobalMaxPool: ({ inputs }) => sizeOf(inputs[0]),
  // The difference from the largest, its exponential, the sum and the quotient.
  Softmax: ({ outputs }) => 4 * sizeOf(outputs[0]),
  LogSoftmax: ({ outputs }) => 4 * sizeOf(outputs[0]),
  BatchNormalization: ({ outputs }) => 2 * sizeOf(outputs[0]),
};

/** An estimate: of most ops, one for each value that they give; of reductions, one for each value that they take. */
export function operationsOf(call: KnownCall): number {
  const { opType } = call.node;
  if (free.has(opType)) return 0;
  const count = counted[opType];
  if (count !== undefined) return count(call);
  return opType.startsWith("Reduce") ? sizeOf(call.inputs[0]) : sizeOf(call.outputs[0]);
}

/** @param weights which of its inputs the filter is */
function convolution({ inputs, outputs }: KnownCall, weights: number): number {
  return 2 * sizeOf(outputs[0]) * sizeOf(inputs[weights]?.slice(1));
}

function product({ node, inputs, outputs }: KnownCall): number {
  const [first] = inputs;
  return 2 * sizeOf(outputs[0]) * ((isSet(node, "transA") ? first?.[0] : first?.at(-1)) ?? 1);
}

function windowed({ node, outputs }: KnownCall): number {
  const kernel = node.attribute.find(({ name }) => name === "kernel_shape")?.ints ?? [];
  return sizeOf(outputs[0]) * kernel.reduce((product, size) => product * Number(size), 1);
}

function isSet({ attribute }: NodeProto, wanted: string): boolean {
  return attribute.some(({ name, i }) => name === wanted && i !== 0n);
}

export function sizeOf(dims: Dims | undefined): number {
  return dims?.reduce((product, size) => product * size, 1) ?? 0;
}
