import { commonDtype, expectShape, format, infer16, inputOfRank, type OpFamily, type OpRow, product } from "./row.ts";
import { pooledShape } from "./windows.ts";

function forward(rank: number): OpRow {
  return {
    kind: "pooling",
    infer: (call) => {
      const { dtype, shape } = inputOfRank(call, 0, rank);
      return [{ dtype, shape: pooledShape(call, shape) }];
    },
  };
}

/** oneDNN writes down which value of each window was the largest: a byte each. */
function maximum(rank: number): OpRow {
  return { ...forward(rank), workspaceBytes: (call) => product(pooledShape(call, call.input(0).shape)) };
}

/** Input, output and gradient of the output. */
function maxGradient(rank: number): OpRow {
  return {
    kind: "pooling",
    infer: (call) => {
      const { shape } = inputOfRank(call, 0, rank);
      const pooled = pooledShape(call, shape);
      expectShape(call, 1, pooled);
      expectShape(call, 2, pooled);
      return [{ dtype: commonDtype(call, [0, 1, 2]), shape }];
    },
  };
}

/** Shape of the input (a constant) and gradient of the output. */
function averageGradient(rank: number): OpRow {
  return {
    kind: "pooling",
    infer: (call) => {
      const shape = call.constantInts(0);
      if (shape.length !== rank) call.fail(`pools ${format(shape)}, not ${rank} dimensions`);
      expectShape(call, 1, pooledShape(call, shape));
      return [{ dtype: call.input(1).dtype, shape }];
    },
  };
}

/** The largest value or the mean of each window. */
export const poolingOps: OpFamily = {
  AvgPool: { ...forward(4), ...infer16 },
  MaxPool: { ...maximum(4), ...infer16 },
  MaxPoolGrad: { ...maxGradient(4), ...infer16 },
  AvgPoolGrad: { ...averageGradient(4), ...infer16 },
  // In three dimensions there are no kernels for 16-bit floats on a CPU.
  AvgPool3D: forward(5),
  MaxPool3D: maximum(5),
  MaxPool3DGrad: maxGradient(5),
  AvgPool3DGrad: averageGradient(5),
};
