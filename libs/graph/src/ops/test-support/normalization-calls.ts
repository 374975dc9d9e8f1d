import fc from "fast-check";
import { attribute } from "../../attributes.ts";
import type { Dtype } from "../../types.ts";
import { alike, attributes, boolean, broadcastable, type CallFamily, float, shapeOf, size } from "./arbitraries.ts";
import { indices, type TestInput, tensor } from "./call.ts";

const images = shapeOf(4, 4);

/** Input, scale, offset, mean and variance; without the two last ones in training. */
function batchNorm(dtypes: fc.Arbitrary<Dtype>, shapes = images) {
  return fc.tuple(shapes, dtypes, boolean).map(([shape, dtype, isTraining]) => {
    const perChannel = tensor(shape.slice(-1));
    const statistics = isTraining ? tensor([0]) : perChannel;
    return {
      inputs: [tensor(shape, dtype), perChannel, perChannel, statistics, statistics],
      attributes: { ...attributes({ is_training: isTraining }), epsilon: attribute.float(1e-3) },
    };
  });
}

const logits = shapeOf(2, 2);

export const normalizationCalls: CallFamily = {
  ...alike(
    ["LogSoftmax", "Softmax"],
    fc.tuple(shapeOf(1, 4), float).map(([shape, dtype]) => ({ inputs: [tensor(shape, dtype)] })),
  ),
  ...alike(
    ["LRN"],
    images.map((shape) => ({ inputs: [tensor(shape)], attributes: attributes({ depth_radius: 2 }) })),
  ),
  ...alike(
    ["LRNGrad"],
    images.map((shape) => ({ inputs: [0, 1, 2].map(() => tensor(shape)) })),
  ),
  ...alike(["FusedBatchNorm"], batchNorm(fc.constant<Dtype>("float32"))),
  ...alike(["FusedBatchNormV3"], batchNorm(float)),
  ...alike(
    ["FusedBatchNormGradV3"],
    fc.tuple(images, float, boolean).map(([shape, dtype, isTraining]) => {
      const perChannel = tensor(shape.slice(-1));
      const inputs: readonly TestInput[] = [
        tensor(shape, dtype),
        tensor(shape, dtype),
        perChannel,
        perChannel,
        perChannel,
        tensor([]),
      ];
      return { inputs, attributes: attributes({ is_training: isTraining }) };
    }),
  ),
  ...alike(
    ["SoftmaxCrossEntropyWithLogits"],
    fc
      .tuple(
        fc.oneof(
          logits.map((shape) => [shape, shape]),
          broadcastable(2, size),
        ),
        float,
      )
      .map(([both, dtype]) => ({ inputs: both.map((shape) => tensor(shape, dtype)) })),
  ),
  ...alike(
    ["SparseSoftmaxCrossEntropyWithLogits"],
    fc.tuple(logits, float, fc.constantFrom<Dtype>("int32", "int64")).map(([shape, dtype, labels]) => ({
      inputs: [tensor(shape, dtype), indices(shape.slice(0, 1), shape[1]!, labels)],
    })),
  ),
};
