import { commonDtype, expectShape, format, inputOfRank, type OpCall, type OpFamily } from "./row.ts";
import { dilatedShape } from "./windows.ts";

/** Height and width that an input gives as a constant. */
function sizeInput(call: OpCall, index: number): readonly number[] {
  const size = call.constantInts(index);
  return size.length === 2 ? size : call.fail(`needs a height and a width as its input ${index}, has ${format(size)}`);
}

/** Images are [batch, height, width, channels]. */
function resized(call: OpCall, size: readonly number[]): readonly number[] {
  const [batchSize, , , numChannels] = inputOfRank(call, 0, 4).shape;
  return [batchSize!, ...size, numChannels!];
}

export const imageOps: OpFamily = {
  // In between pixels it is always float32.
  ResizeBilinear: {
    kind: "indexing",
    infer: (call) => [{ dtype: "float32", shape: resized(call, sizeInput(call, 1)) }],
  },
  // Gradient and the images of before.
  ResizeBilinearGrad: {
    kind: "indexing",
    infer: (call) => {
      const { dtype, shape } = inputOfRank(call, 1, 4);
      return [{ dtype, shape: resized(call, shape.slice(1, 3)) }];
    },
  },
  ResizeNearestNeighbor: {
    kind: "indexing",
    infer: (call) => [{ dtype: call.input(0).dtype, shape: resized(call, sizeInput(call, 1)) }],
  },
  ResizeNearestNeighborGrad: {
    kind: "indexing",
    infer: (call) => [{ dtype: call.input(0).dtype, shape: resized(call, sizeInput(call, 1)) }],
  },
  // Images, boxes of [numBoxes, 4], the image of each box, and the size of the crops.
  CropAndResize: {
    kind: "indexing",
    infer: (call) => {
      const [numBoxes] = inputOfRank(call, 1, 2).shape;
      expectShape(call, 1, [numBoxes!, 4]);
      expectShape(call, 2, [numBoxes!]);
      const [, height, width, numChannels] = resized(call, sizeInput(call, 3));
      return [{ dtype: "float32", shape: [numBoxes!, height!, width!, numChannels!] }];
    },
  },
  // Grey-scale dilation: the largest sum of a window and the filter [height, width, channels].
  Dilation2D: {
    kind: "pooling",
    infer: (call) => [{ dtype: commonDtype(call, [0, 1]), shape: dilatedShape(call) }],
  },
  Dilation2DBackpropInput: {
    kind: "pooling",
    infer: (call) => {
      expectShape(call, 2, dilatedShape(call));
      return [{ dtype: commonDtype(call, [0, 1, 2]), shape: call.input(0).shape }];
    },
  },
  Dilation2DBackpropFilter: {
    kind: "pooling",
    infer: (call) => {
      expectShape(call, 2, dilatedShape(call));
      return [{ dtype: commonDtype(call, [0, 1, 2]), shape: call.input(1).shape }];
    },
  },
};
