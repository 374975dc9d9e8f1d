import { multiplicationsOf, type Node, opTable, sizeOf, type TensorType } from "@anneal/graph";

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
 * Nanoseconds per value (of the largest float that a call takes or gives) on two cores with AVX-512 and its bfloat16 instructions,
 * TensorFlow 2.21: fastest of 15 calls on 6 to 13 million values (2026-11). Most kernels do bfloat16 in Eigen, which widens and
 * rounds each value, so that only what is slow in float32 gains; the functions (`Sigmoid`, `Tanh`) even lose.
 */
const cpuByOp: Readonly<Record<string, Pair>> = {
  AvgPool: [0.3, 0.5],
  AvgPoolGrad: [0.3, 0.5],
  BiasAdd: [0.27, 0.21],
  DepthwiseConv2dNative: [0.43, 0.18],
  DepthwiseConv2dNativeBackpropFilter: [0.33, 0.5],
  DepthwiseConv2dNativeBackpropInput: [0.53, 0.22],
  Elu: [0.2, 0.45],
  Erf: [0.24, 0.5],
  FusedBatchNormGradV3: [0.47, 0.39],
  FusedBatchNormV3: [0.47, 0.25],
  MaxPool: [0.16, 0.11],
  // oneDNN's, which takes the places from the forward op: so both must have one format.
  MaxPoolGrad: [0.5, 0.35],
  Mean: [0.1, 0.07],
  RealDiv: [0.2, 0.3],
  Relu: [0.16, 0.18],
  ReluGrad: [0.15, 0.21],
  Selu: [0.2, 0.45],
  Sigmoid: [0.31, 1.2],
  Softmax: [0.25, 0.26],
  Softplus: [0.5, 1.2],
  // A bias's gradient, most often: `BiasAddGrad` in float32.
  Sum: [0.1, 0.11],
  Tanh: [0.18, 0.42],
};
const cpuElementwise: Pair = [0.155, 0.165];
/** Of operands that are broadcast. */
const cpuBroadcast: Pair = [0.35, 0.31];
const cpuMovement: Pair = [0.22, 0.12];
const cpuCast = 0.175;
/** 220 GFLOP/s in float32, 450 in bfloat16 with sums in float32; a multiplication is two operations. */
const cpuMultiplication: Pair = [2 / 220, 2 / 450];
/** The gradient by a filter gains less. */
const cpuFilterGradient: Pair = [2 / 220, 2 / 355];

/** A CPU with bfloat16 instructions. */
export const cpuCosts: CostModel = {
  kernel(node) {
    const ns = cpuByOp[node.op];
    const multiplications = ns === undefined ? multiplicationsOf(node) : 0;
    if (multiplications > 0) {
      return times(multiplications, node.op.endsWith("Filter") ? cpuFilterGradient : cpuMultiplication);
    }
    return times(largestSize(node), ns ?? byKind(node, cpuElementwise, cpuBroadcast, cpuMovement));
  },
  cast: ({ shape }) => launch + sizeOf(shape) * cpuCast,
};

/** What any kernel costs beside its work: a cast that is saved saves this as well. */
const launch = 1_500;

/** 500 GB/s and matrix units four times as fast in 16 bits: of no device in particular. Kernels are bound by memory or by those units. */
const gpuValue: Pair = [0.016, 0.008];
const gpuMultiplication: Pair = [2 / 20_000, 2 / 80_000];

/** A GPU with matrix units for 16-bit floats. Estimates: nothing was measured. */
export const gpuCosts: CostModel = {
  kernel: (node) => {
    const { float32, half } = times(multiplicationsOf(node), gpuMultiplication);
    const moved = times(largestSize(node), byKind(node, gpuValue, gpuValue, gpuValue));
    return { float32: Math.max(float32, moved.float32), half: Math.max(half, moved.half) };
  },
  cast: ({ shape }) => launch + sizeOf(shape) * gpuValue[0],
};

function byKind({ op, inputs, outputs }: Node, elementwise: Pair, broadcast: Pair, movement: Pair): Pair {
  if (views.has(op)) return [0, 0];
  const kind = opTable[op]?.kind;
  if (kind === "movement" || kind === "indexing") return movement;
  const size = sizeOf(outputs[0]?.shape ?? []);
  const isBroadcast = inputs.some(({ node, index }) => {
    const other = sizeOf(node.outputs[index]?.shape ?? []);
    return other > 1 && other < size;
  });
  return kind === "elementwise" && isBroadcast ? broadcast : elementwise;
}

/** They hand on the memory of their input. */
const views: ReadonlySet<string> = new Set(["ExpandDims", "Identity", "Reshape", "Squeeze", "StopGradient"]);

function largestSize({ inputs, outputs }: Node): number {
  const types = [...inputs.map(({ node, index }) => node.outputs[index]!), ...outputs];
  return Math.max(0, ...types.filter(({ dtype }) => dtype === "float32").map(({ shape }) => sizeOf(shape)));
}

function times(count: number, [float32, half]: Pair): KernelCost {
  return { float32: count * float32, half: count * half };
}
