import { type Activation, isPerChannel, type TfliteDtype, type TfliteOp, type TfliteOpName } from "./tflite-graph.ts";

/**
 * The oldest version of an op that does what a call asks of it, so that a reader which has none as new says so (TensorFlow Lite's own rules:
 * `tools/versioning/op_version.cc`). The first, for an op that has no rule here.
 */
export function versionOf(op: TfliteOp): number {
  return versions[op.op]?.(op) ?? 1;
}

type VersionRule = (op: TfliteOp) => number;

const dtypeOf = ({ inputs }: TfliteOp, index = 0): TfliteDtype | undefined => inputs[index]?.dtype;
const rankOf = ({ inputs }: TfliteOp): number => Math.max(0, ...inputs.map((input) => input?.dims.length ?? 0));
const optionOf = ({ options }: TfliteOp, name: string): unknown => options?.fields[name];
const isActive = (activation: Activation): boolean => activation !== "NONE";

/** Weights of 8 bits, and all else in float32. */
const hasInt8Weights = (op: TfliteOp): boolean => dtypeOf(op) === "float32" && dtypeOf(op, 1) === "int8";

/** By what the input at `index` is made of. */
function byDtype(newer: Partial<Record<TfliteDtype, number>>, index = 0): VersionRule {
  return (op) => newer[dtypeOf(op, index) ?? "float32"] ?? 1;
}

const int8IsSecond = byDtype({ int8: 2 });

/** Kernels of old took four axes at most. */
function beyondFourAxes(version: number, otherwise: VersionRule): VersionRule {
  return (op) => (rankOf(op) > 4 ? version : otherwise(op));
}

function depthwise(op: TfliteOp): number {
  if (hasInt8Weights(op)) return 6;
  if (dtypeOf(op) === "int8") return 3;
  return Number(optionOf(op, "dilationHFactor")) > 1 || Number(optionOf(op, "dilationWFactor")) > 1 ? 2 : 1;
}

function convolution(op: TfliteOp): number {
  const [image, filter] = op.inputs;
  if (image?.dims.at(-1) !== filter?.dims.at(-1)) return 6;
  if (hasInt8Weights(op)) return 5;
  return dtypeOf(op) === "int8" ? 3 : 1;
}

function dequantization(op: TfliteOp): number {
  if (dtypeOf(op) === "float16") return 3;
  if (dtypeOf(op) !== "int8") return 1;
  return isPerChannel(op.inputs[0]!) ? 5 : 2;
}

function nearestNeighbor(op: TfliteOp): number {
  if (optionOf(op, "halfPixelCenters") === true || optionOf(op, "alignCorners") === true) return 3;
  return int8IsSecond(op);
}

const withoutFour: VersionRule = (op) => (op.inputs[0]?.dims.length === 4 ? int8IsSecond(op) : 3);

const int8IsSecondIn = [
  "ADD",
  "ARG_MAX",
  "ARG_MIN",
  "AVERAGE_POOL_2D",
  "CONCATENATION",
  "DEPTH_TO_SPACE",
  "EQUAL",
  "EXP",
  "GELU",
  "GREATER",
  "GREATER_EQUAL",
  "LESS",
  "LESS_EQUAL",
  "LOG",
  "LOGISTIC",
  "LOG_SOFTMAX",
  "MAX_POOL_2D",
  "MEAN",
  "MIRROR_PAD",
  "NOT_EQUAL",
  "PACK",
  "REDUCE_MAX",
  "REDUCE_MIN",
  "REDUCE_PROD",
  "RELU",
  "RELU6",
  "RSQRT",
  "SOFTMAX",
  "SPACE_TO_DEPTH",
  "SPLIT_V",
  "SQUARED_DIFFERENCE",
  "SUM",
  "TANH",
  "TOPK_V2",
] as const satisfies readonly TfliteOpName[];

const versions: Partial<Record<TfliteOpName, VersionRule>> = {
  ...Object.fromEntries(int8IsSecondIn.map((op) => [op, int8IsSecond])),
  ABS: byDtype({ int32: 5, int8: 2, uint8: 2 }),
  ADD: byDtype({ int64: 4, int8: 2 }),
  BATCH_TO_SPACE_ND: withoutFour,
  BROADCAST_TO: byDtype({ float32: 2, int32: 2, int64: 2, uint8: 2, bool: 2, int8: 3 }),
  CAST: (op) => (dtypeOf(op) === "int8" ? 3 : dtypeOf(op) === "float16" || op.outputs[0]!.dtype === "float16" ? 5 : 1),
  CONV_2D: convolution,
  DEPTHWISE_CONV_2D: depthwise,
  DEQUANTIZE: dequantization,
  DIV: beyondFourAxes(2, () => 1),
  FILL: byDtype({ bool: 2, int8: 3, float16: 4 }, 1),
  FLOOR_DIV: byDtype({ float32: 2 }),
  FULLY_CONNECTED: (op) => (hasInt8Weights(op) ? 12 : dtypeOf(op) === "int8" ? 4 : 1),
  GATHER: (op) => (optionOf(op, "batchDims") ? 5 : byDtype({ bool: 3, int8: 2 })(op)),
  GATHER_ND: byDtype({ bool: 5 }),
  MAXIMUM: beyondFourAxes(3, int8IsSecond),
  MINIMUM: beyondFourAxes(3, int8IsSecond),
  MUL: byDtype({ int64: 5, int8: 2 }),
  PAD: beyondFourAxes(4, int8IsSecond),
  PADV2: beyondFourAxes(4, int8IsSecond),
  QUANTIZE: () => 1,
  RESIZE_BILINEAR: (op) => (optionOf(op, "halfPixelCenters") === true ? 3 : int8IsSecond(op)),
  RESIZE_NEAREST_NEIGHBOR: nearestNeighbor,
  REVERSE_V2: byDtype({ bool: 2, int8: 3 }),
  SIGN: byDtype({ int32: 2 }),
  SLICE: beyondFourAxes(5, int8IsSecond),
  SPACE_TO_BATCH_ND: withoutFour,
  SPARSE_TO_DENSE: byDtype({ int64: 2, int8: 3, uint8: 3 }, 2),
  STRIDED_SLICE: beyondFourAxes(4, byDtype({ bool: 3, int8: 2 })),
  SUB: beyondFourAxes(3, byDtype({ int64: 4, int8: 2 })),
  TILE: byDtype({ int8: 3 }),
  TRANSPOSE: (op) => (rankOf(op) > 5 ? 6 : rankOf(op) > 4 ? 4 : byDtype({ bool: 3, int8: 2 })(op)),
  TRANSPOSE_CONV: (op) => (isActive(op.activation) ? 4 : op.inputs.length > 3 ? 3 : byDtype({ int8: 2 }, 1)(op)),
  UNPACK: byDtype({ bool: 3, int8: 2, uint8: 2 }),
};
