import {
  attributeOr,
  axisOf,
  broadcastShapes,
  commonDtype,
  expectShape,
  infer16,
  inputOfRank,
  type OpCall,
  type OpFamily,
  type OpRow,
} from "./row.ts";

/** Along the last axis. */
const alongLast: OpRow = {
  kind: "normalization",
  inPlace: [0],
  infer: (call) => {
    if (call.input(0).shape.length === 0) call.fail("needs at least 1 dimension");
    return [call.input(0)];
  },
};

/** Number of channels of a batch of images, in 4 or 5 dimensions. */
function numChannels(call: OpCall, index: number): number {
  const { shape } = call.input(index);
  if (shape.length !== 4 && shape.length !== 5) call.fail(`needs 4 or 5 dimensions in its input ${index}`);
  const isChannelsFirst = attributeOr(call, "data_format", "string", "NHWC").startsWith("NC");
  return shape[axisOf(call, isChannelsFirst ? 1 : -1, shape.length)]!;
}

/** Input, scale, offset, mean and variance; the two last are empty in training, which computes them. */
function batchNorm(reserve: readonly (readonly number[])[]): OpRow {
  return {
    kind: "normalization",
    infer: (call) => {
      const perChannel = { dtype: call.input(1).dtype, shape: [numChannels(call, 0)] };
      for (const index of [1, 2]) expectShape(call, index, perChannel.shape);
      if (!attributeOr(call, "is_training", "bool", true)) {
        for (const index of [3, 4]) expectShape(call, index, perChannel.shape);
      }
      const reserved = reserve.map((shape) => ({ dtype: perChannel.dtype, shape }));
      // The result, mean and variance, and both once more for the gradient.
      return [call.input(0), perChannel, perChannel, perChannel, perChannel, ...reserved];
    },
  };
}

/** Ops that bring values to a common scale, alone or together with the loss that follows. */
export const normalizationOps: OpFamily = {
  LogSoftmax: alongLast,
  Softmax: { ...alongLast, ...infer16 },
  // Across neighbouring channels.
  LRN: { kind: "normalization", infer: (call) => [inputOfRank(call, 0, 4)] },
  // Gradient, input and output.
  LRNGrad: {
    kind: "normalization",
    infer: (call) => {
      const { shape } = inputOfRank(call, 0, 4);
      for (const index of [1, 2]) expectShape(call, index, shape);
      return [{ dtype: commonDtype(call, [0, 1, 2]), shape }];
    },
  },
  FusedBatchNorm: batchNorm([]),
  // The last output is room for cuDNN; empty on a CPU.
  FusedBatchNormV3: { ...batchNorm([[0]]), precision: { class: "infer", inputs: [0], outputs: [0] } },
  // Gradient of the result, input, scale, and the last three outputs of the forward op.
  FusedBatchNormGradV3: {
    precision: { class: "infer", inputs: [0, 1], outputs: [0] },
    kind: "normalization",
    infer: (call) => {
      const { dtype, shape } = call.input(1);
      const perChannel = { dtype: call.input(2).dtype, shape: [numChannels(call, 1)] };
      expectShape(call, 0, shape);
      for (const index of [2, 3, 4]) expectShape(call, index, perChannel.shape);
      const unused = { dtype: perChannel.dtype, shape: [] };
      return [{ dtype, shape }, perChannel, perChannel, unused, unused];
    },
  },
  // Loss of each example, and the gradient of the sum of losses by the logits.
  SoftmaxCrossEntropyWithLogits: {
    kind: "normalization",
    inPlace: [0],
    infer: (call) => {
      const dtype = commonDtype(call, [0, 1]);
      const shape = broadcastShapes(call, call.input(0).shape, call.input(1).shape);
      if (shape.length !== 2) call.fail("needs logits and labels of [batch, classes]");
      return [
        { dtype, shape: shape.slice(0, 1) },
        { dtype, shape },
      ];
    },
  },
  SparseSoftmaxCrossEntropyWithLogits: {
    kind: "normalization",
    inPlace: [0],
    infer: (call) => {
      const { dtype, shape } = inputOfRank(call, 0, 2);
      expectShape(call, 1, shape.slice(0, 1));
      return [
        { dtype, shape: shape.slice(0, 1) },
        { dtype, shape },
      ];
    },
  },
};
