import { describe, expect, test } from "vitest";
import { attributes } from "./test-support/arbitraries.ts";
import { int, ints, type TestInput, tensor } from "./test-support/call.ts";
import { execute, infer } from "./test-support/execute.ts";

type Given = Readonly<Record<string, number | boolean | string | readonly number[]>>;

const image = tensor([1, 4, 4, 2]);
const strides = [1, 1, 1, 1];
const key = tensor([2], "int32");

/** Calls that both the rule and TensorFlow refuse, with what the rule says of them. */
const refused: readonly (readonly [op: string, inputs: readonly TestInput[], given: Given, reason: string])[] = [
  ["AddV2", [tensor([2]), tensor([3])], {}, "cannot broadcast [2] and [3]"],
  ["AddV2", [tensor([2]), tensor([2], "int32")], {}, "needs inputs of one dtype"],
  ["AddN", [tensor([2]), tensor([1])], { N: 2 }, "needs the shape [2]"],
  ["BiasAdd", [tensor([2, 3]), tensor([2])], {}, "needs the shape [3]"],
  ["ReluGrad", [tensor([2]), tensor([3])], {}, "needs the shape [2]"],
  ["Select", [tensor([3], "bool"), tensor([2, 2]), tensor([2, 2])], {}, "needs the shape [2]"],
  ["Sum", [tensor([2, 2]), ints([2])], {}, "has the axis 2 in 2 dimensions"],
  ["Sum", [tensor([2, 2]), ints([0, -2])], {}, "reduces an axis twice"],
  ["ArgMax", [tensor([2, 2]), int(-3)], {}, "has the axis -3"],
  ["MatMul", [tensor([2, 3]), tensor([2, 3])], {}, "has inner sizes 3 and 2"],
  ["MatMul", [tensor([1, 2, 3]), tensor([3, 2])], {}, "needs 2 dimensions in its input 0"],
  ["BatchMatMul", [tensor([1, 2, 3]), tensor([2, 3, 2])], {}, "which it does not broadcast"],
  ["Einsum", [tensor([2, 3]), tensor([2, 3])], { equation: "ab,bc->ac", N: 2 }, "has sizes 3 and 2 for b"],
  ["Einsum", [tensor([2, 3])], { equation: "ab->c", N: 1 }, "with c only in its result"],
  ["Einsum", [tensor([2, 3])], { equation: "abc->a", N: 1 }, "has [2,3] for the term abc"],
  ["Einsum", [tensor([2])], { equation: "a", N: 1 }, 'without one "->"'],
  ["Conv2D", [image, tensor([2, 2, 3, 1])], { strides, padding: "SAME" }, "has 2 channels in its input and 3"],
  ["Conv2D", [image, tensor([6, 1, 2, 1])], { strides, padding: "VALID" }, "has a window of 6 over 4 values"],
  [
    "Conv2DBackpropInput",
    [ints([1, 4, 4, 2]), tensor([2, 2, 2, 1]), tensor([1, 4, 4, 1])],
    { strides, padding: "VALID" },
    "needs the shape [1,3,3,1]",
  ],
  [
    "DepthwiseConv2dNativeBackpropFilter",
    [image, ints([2, 2, 2, 1]), tensor([1, 4, 4, 1])],
    { strides, padding: "SAME" },
    "needs the shape [1,4,4,2]",
  ],
  ["MaxPool", [tensor([4, 4])], { ksize: [1, 2, 2, 1], strides, padding: "SAME" }, "needs 4 dimensions"],
  ["MaxPool", [image], { ksize: [1, 6, 6, 1], strides, padding: "VALID" }, "has a window of 6 over 4"],
  ["FusedBatchNormV3", [image, ...[0, 1, 2, 3].map(() => tensor([3]))], { is_training: false }, "needs the shape [2]"],
  ["LRN", [tensor([2, 2])], {}, "needs 4 dimensions"],
  ["SparseSoftmaxCrossEntropyWithLogits", [tensor([2, 3]), tensor([3], "int32")], {}, "needs the shape [2]"],
  ["Reshape", [tensor([2, 3]), ints([4, -1])], {}, "reshapes 6 values to [4,-1]"],
  ["Reshape", [tensor([2, 3]), ints([-1, -1])], {}, "reshapes 6 values to [-1,-1]"],
  ["Transpose", [tensor([2, 3]), ints([0, 0])], {}, "permutes by [0,0]"],
  ["Slice", [tensor([3]), ints([0]), ints([4])], {}, "slices [3] to [4]"],
  ["StridedSlice", [tensor([3]), ints([0]), ints([1]), ints([0])], {}, "has a stride of 0"],
  ["StridedSlice", [tensor([3]), ints([3]), ints([4]), ints([1])], { shrink_axis_mask: 1 }, "takes the index 3 of 3"],
  ["StridedSlice", [tensor([3]), ints([0, 0]), ints([1, 1]), ints([1, 1])], {}, "slices more axes than [3] has"],
  ["Squeeze", [tensor([2, 1])], { squeeze_dims: [0] }, "squeezes the axes 0, not all of size 1"],
  ["BroadcastTo", [tensor([2]), ints([3])], {}, "cannot broadcast"],
  ["ConcatV2", [tensor([2, 2]), tensor([3, 3]), int(0)], { N: 2 }, "needs the shape [3,2]"],
  ["Pack", [tensor([2]), tensor([3])], { N: 2 }, "needs the shape [2]"],
  ["Split", [int(0), tensor([3])], { num_split: 2 }, "splits 3 values into 2 equal parts"],
  ["SplitV", [tensor([3]), ints([1, 1]), int(0)], { num_split: 2 }, "splits 3 values into [1,1]"],
  ["SpaceToBatchND", [tensor([1, 3]), ints([2]), ints([0, 0], [1, 2])], {}, "that its blocks do not divide"],
  ["BatchToSpaceND", [tensor([3, 2]), ints([2]), ints([0, 0], [1, 2])], {}, "that 2 does not divide"],
  ["DepthToSpace", [image], { block_size: 2 }, "regroups axis 3"],
  ["GatherV2", [tensor([2, 3]), tensor([2], "int32"), int(2)], {}, "has the axis 2"],
  ["ScatterNd", [tensor([2, 1], "int32"), tensor([3]), ints([4])], {}, "needs the shape [2]"],
  ["TopKV2", [tensor([3]), int(4)], {}, "takes 4 of 3 values"],
  ["CropAndResize", [image, tensor([2, 3]), tensor([2], "int32"), ints([2, 2])], {}, "needs the shape [2,4]"],
  ["StatelessRandomUniform", [ints([3]), tensor([3], "int32")], {}, "needs the shape [2]"],
  ["StatelessMultinomial", [tensor([3]), int(2), key], {}, "needs 2 dimensions"],
];

describe("a call that cannot be", () => {
  const named = refused.map(([op, inputs, given, reason]) => ({ op, inputs, given, reason }));
  test.each(named)("$op is refused: $reason", ({ op, inputs, given, reason }) => {
    const call = { op, inputs, attributes: attributes(given) };
    expect(() => infer(call)).toThrow(reason);
    expect(() => execute(call, 1)).toThrow("TF_Status");
  });

  test("a shape that is not a constant is refused with its input's number", () => {
    const shape = tensor([1], "int32", [6]);
    const call = { op: "Reshape", inputs: [tensor([2, 3]), shape], attributes: {} };
    expect(() => infer(call)).toThrow("has a shape that depends on the values of its input 1");
  });

  test("explicit padding without its sizes is refused, although TensorFlow takes it", () => {
    const call = {
      op: "Conv2D",
      inputs: [image, tensor([1, 1, 2, 1])],
      attributes: attributes({ strides, padding: "EXPLICIT" }),
    };
    expect(() => infer(call)).toThrow("needs the attribute explicit_paddings");
  });

  // oneDNN returns an empty result with the shape of the input.
  test("a filter that has just no place in its input is refused, whatever TensorFlow makes of it", () => {
    const inputs = [image, tensor([5, 1, 2, 1])];
    const call = { op: "Conv2D", inputs, attributes: attributes({ strides, padding: "VALID" }) };
    expect(() => infer(call)).toThrow("has a filter larger than its input along axis 1");
  });
});
