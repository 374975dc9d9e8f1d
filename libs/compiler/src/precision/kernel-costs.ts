import { memoryUseOf, multiplicationsOf, type Node, opTable, sizeOf, type TensorType } from "@anneal/graph";

/** Time of a kernel in nanoseconds, in float32 and in 16-bit floats. */
export interface KernelCost {
  readonly float32: number;
  readonly half: number;
}

/** What a device's kernels cost: estimates, for weighing one number format against the other. */
export interface CostModel {
  readonly kernel: (node: Node) => KernelCost;
  /** From one format to the other. */
  readonly cast: (type: TensorType) => number;
}

type Pair = readonly [float32: number, half: number];

/**
 * Nanoseconds of one core per value (of the largest float that a call takes or gives), with AVX-512 and its bfloat16 instructions,
 * TensorFlow 2.21: processor time, least of 14 calls on 4 million values (2026-11). Most kernels do bfloat16 in Eigen, which
 * widens and rounds each value: what waits for memory gains by half the bytes, what computes (`Tanh`, `Sigmoid`) loses.
 */
const cpuByOp: Readonly<Record<string, Pair>> = {
  AddN: [0.49, 0.68],
  AvgPool: [0.33, 0.23],
  AvgPoolGrad: [0.5, 0.5],
  BiasAdd: [0.48, 0.39],
  ConcatV2: [0.69, 0.63],
  Elu: [0.65, 1.7],
  Erf: [0.48, 0.96],
  FusedBatchNormGradV3: [0.8, 0.62],
  FusedBatchNormV3: [0.74, 0.51],
  Greater: [0.31, 0.17],
  LeakyRelu: [0.31, 0.33],
  Max: [0.14, 0.47],
  MaxPool: [0.36, 0.28],
  // oneDNN's, which takes the places from the forward op: so both must have one format.
  MaxPoolGrad: [0.9, 0.63],
  Maximum: [0.64, 0.44],
  Mean: [0.18, 0.11],
  Minimum: [0.64, 0.44],
  Pack: [0.69, 0.63],
  Relu: [0.34, 0.39],
  ReluGrad: [0.57, 0.43],
  Selu: [0.65, 1.7],
  Select: [1.44, 0.95],
  SelectV2: [1.44, 0.95],
  Sigmoid: [0.63, 2.32],
  SigmoidGrad: [0.56, 1.04],
  Softmax: [0.53, 0.54],
  Softplus: [3.15, 4.49],
  SquaredDifference: [0.77, 0.88],
  Sum: [0.19, 0.15],
  Tanh: [0.4, 0.8],
  TanhGrad: [0.55, 1.03],
};
const cpuElementwise: Pair = [0.5, 0.34];
/** Of one operand, or one and a number. */
const cpuUnary: Pair = [0.34, 0.28];
/** Of operands that are broadcast. */
const cpuBroadcast: Pair = [0.52, 0.5];
const cpuMovement: Pair = [0.6, 0.4];
const cpuCast = 0.26;
/** Nanoseconds of what multiplies. */
interface Products {
  /** A multiplication in a product or a convolution. */
  readonly product: Pair;
  /** And in its gradient by a filter, which gains less. */
  readonly filterGradient: Pair;
  /** A value of a convolution of each channel by itself. */
  readonly depthwise: Readonly<Record<string, Pair>>;
}

/** By GFLOP/s of one core (AMD Zen 4), in float32 and in bfloat16 with sums in float32; a multiplication is two operations. */
const fastProducts: Products = {
  product: [2 / 110, 2 / 205],
  filterGradient: [2 / 110, 2 / 175],
  depthwise: {
    DepthwiseConv2dNative: [0.75, 0.33],
    DepthwiseConv2dNativeBackpropFilter: [0.6, 0.9],
    DepthwiseConv2dNativeBackpropInput: [0.95, 0.4],
  },
};
/** As above, on an Intel Sapphire Rapids without AMX. */
const slowProducts: Products = {
  product: [2 / 150, 2 / 83],
  filterGradient: [2 / 150, 2 / 75],
  depthwise: {
    DepthwiseConv2dNative: [0.4, 0.59],
    DepthwiseConv2dNativeBackpropFilter: [0.59, 0.88],
    DepthwiseConv2dNativeBackpropInput: [0.52, 0.75],
  },
};

const cpuByKind: PairByKind = {
  unary: cpuUnary,
  elementwise: cpuElementwise,
  broadcast: cpuBroadcast,
  movement: cpuMovement,
};

function cpuCostsWith({ product, filterGradient, depthwise }: Products): CostModel {
  return {
    kernel(node) {
      const ns = depthwise[node.op] ?? cpuByOp[node.op];
      const multiplications = ns === undefined ? multiplicationsOf(node) : 0;
      if (multiplications > 0) return times(multiplications, node.op.endsWith("Filter") ? filterGradient : product);
      return times(largestSize(node), ns ?? byKind(node, cpuByKind));
    },
    cast: ({ shape }) => launch + sizeOf(shape) * cpuCast,
  };
}

/** CPUs, by how their products of bfloat16 compare with those of float32. */
export const cpuCosts = { fast: cpuCostsWith(fastProducts), slow: cpuCostsWith(slowProducts) } as const;

/** What any kernel costs beside its work: a cast that is saved saves this as well. */
const launch = 1_500;

/** 500 GB/s and matrix units four times as fast in 16 bits: of no device in particular. Kernels are bound by memory or by those units. */
const gpuValue: Pair = [0.016, 0.008];
const gpuByKind: PairByKind = { unary: gpuValue, elementwise: gpuValue, broadcast: gpuValue, movement: gpuValue };
const gpuMultiplication: Pair = [2 / 20_000, 2 / 80_000];

/** A GPU with matrix units for 16-bit floats. Estimates: nothing was measured. */
export const gpuCosts: CostModel = {
  kernel: (node) => {
    const { float32, half } = times(multiplicationsOf(node), gpuMultiplication);
    const moved = times(largestSize(node), byKind(node, gpuByKind));
    return { float32: Math.max(float32, moved.float32), half: Math.max(half, moved.half) };
  },
  cast: ({ shape }) => launch + sizeOf(shape) * gpuValue[0],
};

interface PairByKind {
  readonly unary: Pair;
  readonly elementwise: Pair;
  readonly broadcast: Pair;
  readonly movement: Pair;
}

function byKind(node: Node, pairs: PairByKind): Pair {
  const { op, inputs, outputs } = node;
  if (memoryUseOf(node).viewOf !== null) return [0, 0];
  const kind = opTable[op]?.kind;
  if (kind === "movement" || kind === "indexing") return pairs.movement;
  const size = sizeOf(outputs[0]?.shape ?? []);
  const sizes = inputs.map(({ node, index }) => sizeOf(node.outputs[index]?.shape ?? []));
  if (sizes.some((other) => other > 1 && other < size)) return pairs.broadcast;
  return sizes.filter((other) => other > 1).length > 1 ? pairs.elementwise : pairs.unary;
}

function largestSize({ inputs, outputs }: Node): number {
  const types = [...inputs.map(({ node, index }) => node.outputs[index]!), ...outputs];
  return Math.max(0, ...types.filter(({ dtype }) => dtype === "float32").map(({ shape }) => sizeOf(shape)));
}

function times(count: number, [float32, half]: Pair): KernelCost {
  return { float32: count * float32, half: count * half };
}
