import * as tf from "@tensorflow/tfjs";
import { float, int } from "../inputs.ts";
import { differentiable, forwardOnly, type OpCase, type OpCases } from "./case.ts";

const x4 = float([1, 2, 3, 4]);

function one(inputs: OpCase["inputs"], run: (...inputs: never[]) => unknown): readonly OpCase[] {
  return [differentiable(inputs, run)];
}

const one32 = () => tf.scalar(1, "int32");

/** Functions that move values and compute none. */
export const movementCases: OpCases = {
  reshape: one([float([2, 6])], (x: tf.Tensor) => [tf.reshape(x, [3, 4]), tf.reshape(x, [-1])]),
  squeeze: one([float([1, 2, 1, 3])], (x: tf.Tensor) => [tf.squeeze(x), tf.squeeze(x, [2])]),
  expandDims: one([float([2, 3])], (x: tf.Tensor) => [tf.expandDims(x), tf.expandDims(x, -1), tf.expandDims(x, 1)]),
  transpose: [
    differentiable([float([2, 3])], (x: tf.Tensor) => tf.transpose(x)),
    differentiable([float([2, 3, 4])], (x: tf.Tensor) => tf.transpose(x, [1, 2, 0])),
  ],
  tile: [
    differentiable([float([3])], (x: tf.Tensor) => tf.tile(x, [2])),
    differentiable([float([2, 3])], (x: tf.Tensor) => tf.tile(x, [2, 3])),
  ],
  broadcastTo: one([float([2, 1, 3])], (x: tf.Tensor) => tf.broadcastTo(x, [2, 4, 3])),
  concat: one([float([2, 3]), float([2, 1])], (a: tf.Tensor, b: tf.Tensor) => [
    tf.concat([a, b], 1),
    tf.concat([a, a]),
  ]),
  concat1d: one([float([2]), float([3])], (a: tf.Tensor1D, b: tf.Tensor1D) => tf.concat1d([a, b])),
  concat2d: one([float([2, 3]), float([1, 3])], (a: tf.Tensor2D, b: tf.Tensor2D) => tf.concat2d([a, b], 0)),
  concat3d: one([float([1, 2, 3]), float([1, 1, 3])], (a: tf.Tensor3D, b: tf.Tensor3D) => tf.concat3d([a, b], 1)),
  concat4d: one([x4, x4], (a: tf.Tensor4D, b: tf.Tensor4D) => tf.concat4d([a, b], 3)),
  stack: one([float([2, 3]), float([2, 3])], (a: tf.Tensor, b: tf.Tensor) => [tf.stack([a, b]), tf.stack([a, b], 2)]),
  unstack: [
    differentiable([float([2, 3])], (x: tf.Tensor) => tf.unstack(x)),
    // One of them alone: the others have no gradient.
    differentiable([float([2, 3])], (x: tf.Tensor) => tf.unstack(x, 1)[1]!),
  ],
  split: [
    differentiable([float([2, 6])], (x: tf.Tensor) => tf.split(x, 3, 1)),
    differentiable([float([2, 6])], (x: tf.Tensor) => tf.split(x, [1, 2, 3], -1)),
  ],
  slice: one([float([3, 4])], (x: tf.Tensor) => [tf.slice(x, [1, 0], [2, 3]), tf.slice(x, 1), tf.slice(x, [0, 1])]),
  slice1d: one([float([5])], (x: tf.Tensor1D) => tf.slice1d(x, 1, 3)),
  slice2d: one([float([3, 4])], (x: tf.Tensor2D) => tf.slice2d(x, [1, 1], [2, 2])),
  slice3d: one([float([2, 3, 4])], (x: tf.Tensor3D) => tf.slice3d(x, [1, 1, 0], [1, 2, 4])),
  slice4d: one([x4], (x: tf.Tensor4D) => tf.slice4d(x, [0, 1, 1, 0], [1, 1, 2, 3])),
  stridedSlice: [
    forwardOnly([float([4, 6])], (x: tf.Tensor) => [
      tf.stridedSlice(x, [0, 1], [4, 6], [2, 2]),
      tf.stridedSlice(x, [3, 0], [0, 6], [-1, 1]),
      tf.stridedSlice(x, [1, 2], [2, 5], [1, 1], 0, 0, 0, 0, 1),
    ]),
  ],
  pad: [
    differentiable([float([2, 3])], (x: tf.Tensor) =>
      tf.pad(x, [
        [1, 0],
        [0, 2],
      ]),
    ),
    differentiable([float([2, 3])], (x: tf.Tensor) =>
      tf.pad(
        x,
        [
          [1, 1],
          [2, 0],
        ],
        0.5,
      ),
    ),
  ],
  pad1d: one([float([3])], (x: tf.Tensor1D) => tf.pad1d(x, [1, 2])),
  pad2d: one([float([2, 3])], (x: tf.Tensor2D) =>
    tf.pad2d(x, [
      [1, 0],
      [0, 1],
    ]),
  ),
  pad3d: one([float([1, 2, 3])], (x: tf.Tensor3D) =>
    tf.pad3d(x, [
      [1, 0],
      [0, 1],
      [0, 0],
    ]),
  ),
  pad4d: one([x4], (x: tf.Tensor4D) =>
    tf.pad4d(x, [
      [0, 0],
      [1, 1],
      [1, 0],
      [0, 0],
    ]),
  ),
  mirrorPad: [
    differentiable([float([3, 4])], (x: tf.Tensor) =>
      tf.mirrorPad(
        x,
        [
          [0, 0],
          [1, 1],
        ],
        "reflect",
      ),
    ),
    differentiable([float([3, 4])], (x: tf.Tensor) =>
      tf.mirrorPad(
        x,
        [
          [1, 0],
          [0, 2],
        ],
        "symmetric",
      ),
    ),
  ],
  reverse: one([float([2, 3])], (x: tf.Tensor) => [tf.reverse(x), tf.reverse(x, 1)]),
  reverse1d: one([float([4])], (x: tf.Tensor1D) => tf.reverse1d(x)),
  reverse2d: one([float([2, 3])], (x: tf.Tensor2D) => tf.reverse2d(x, 0)),
  reverse3d: one([float([2, 2, 3])], (x: tf.Tensor3D) => tf.reverse3d(x, [0, 2])),
  reverse4d: one([x4], (x: tf.Tensor4D) => tf.reverse4d(x, [1, 3])),
  batchToSpaceND: one([float([4, 2, 2, 1])], (x: tf.Tensor) =>
    tf.batchToSpaceND(
      x,
      [2, 2],
      [
        [0, 0],
        [1, 0],
      ],
    ),
  ),
  spaceToBatchND: one([float([1, 3, 4, 1])], (x: tf.Tensor) =>
    tf.spaceToBatchND(
      x,
      [2, 2],
      [
        [1, 0],
        [0, 0],
      ],
    ),
  ),
  depthToSpace: [forwardOnly([float([1, 2, 2, 4])], (x: tf.Tensor4D) => tf.depthToSpace(x, 2))],
  broadcastArgs: [
    forwardOnly([int([3], 2), int([1], 2)], (a: tf.Tensor, b: tf.Tensor) =>
      tf.broadcastArgs(a.add(one32()), b.add(one32())),
    ),
  ],
  meshgrid: [
    differentiable([float([2]), float([3])], (a: tf.Tensor1D, b: tf.Tensor1D) => tf.meshgrid(a, b)),
    differentiable([float([2]), float([3])], (a: tf.Tensor1D, b: tf.Tensor1D) => tf.meshgrid(a, b, { indexing: "ij" })),
  ],
};
