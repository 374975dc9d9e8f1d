import fc from "fast-check";
import { attribute } from "../../attributes.ts";
import type { Dtype } from "../../types.ts";
import { alike, attributes, axisIn, boolean, type CallFamily, number, optional, shapeOf, size } from "./arbitraries.ts";
import { indices, int, ints, tensor } from "./call.ts";

const index = fc.constantFrom<Dtype>("int32", "int64");

/** A tensor to take from, indices that share its first axes, and the axis they go along. */
const gathers = shapeOf(1, 4).chain((shape) =>
  fc.nat(shape.length - 1).chain((axis) =>
    fc.record({
      shape: fc.constant(shape),
      axis: fc.constant(axis),
      batchDims: fc.nat(axis),
      others: shapeOf(0, 2),
      dtypes: fc.tuple(number, index),
      fromBack: boolean,
    }),
  ),
);

/** A tensor, and rows of as many numbers as name a place or a slice of it. */
const slices = shapeOf(1, 4).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    depth: fc.integer({ min: 1, max: shape.length }),
    rows: shapeOf(0, 2),
    dtypes: fc.tuple(number, index),
  }),
);

export const indexingCalls: CallFamily = {
  ...alike(
    ["GatherV2"],
    gathers.map(({ shape, axis, batchDims, others, dtypes: [dtype, indexDtype], fromBack }) => ({
      inputs: [
        tensor(shape, dtype),
        indices([...shape.slice(0, batchDims), ...others], shape[axis]!, indexDtype),
        int(fromBack ? axis - shape.length : axis),
      ],
      attributes: optional(attributes({ batch_dims: batchDims }), batchDims === 0),
    })),
  ),
  ...alike(
    ["GatherNd"],
    slices.map(({ shape, depth, rows, dtypes: [dtype, indexDtype] }) => ({
      inputs: [tensor(shape, dtype), indices([...rows, depth], 1, indexDtype)],
    })),
  ),
  ...alike(
    ["ScatterNd"],
    slices.map(({ shape, depth, rows, dtypes: [dtype] }) => ({
      inputs: [indices([...rows, depth], 1), tensor([...rows, ...shape.slice(depth)], dtype), ints(shape)],
    })),
  ),
  ...alike(
    ["TensorScatterAdd", "TensorScatterUpdate"],
    slices.map(({ shape, depth, rows, dtypes: [dtype, indexDtype] }) => ({
      inputs: [
        tensor(shape, dtype),
        indices([...rows, depth], 1, indexDtype),
        tensor([...rows, ...shape.slice(depth)], dtype),
      ],
    })),
  ),
  ...alike(
    ["UnsortedSegmentSum"],
    fc.tuple(shapeOf(0, 4), fc.nat(4), size, number, index).map(([shape, rank, numSegments, dtype, indexDtype]) => ({
      inputs: [tensor(shape, dtype), indices(shape.slice(0, rank), numSegments, indexDtype), int(numSegments)],
    })),
  ),
  ...alike(
    ["SparseToDense"],
    fc.tuple(shapeOf(1, 3), number, boolean).map(([shape, dtype, isScalar]) => {
      // One place: the first.
      const place = indices([1, shape.length], 1);
      return { inputs: [place, ints(shape), tensor(isScalar ? [] : [1], dtype), tensor([], dtype)] };
    }),
  ),
  ...alike(
    ["Bincount"],
    fc
      .tuple(shapeOf(1, 1), size, fc.constantFrom<Dtype>("float32", "int32"), boolean)
      .map(([shape, numValues, dtype, isWeighted]) => ({
        inputs: [indices(shape, 4), int(numValues), tensor(isWeighted ? shape : [0], dtype)],
      })),
  ),
  ...alike(
    ["OneHot"],
    fc
      .tuple(
        shapeOf(0, 3).chain((shape) => fc.tuple(fc.constant(shape), axisIn(shape.length + 1))),
        size,
        number,
        index,
      )
      .map(([[shape, axis], depth, dtype, indexDtype]) => ({
        inputs: [indices(shape, depth, indexDtype), int(depth), tensor([], dtype), tensor([], dtype)],
        attributes: optional(
          attributes({ axis: axis < 0 && axis !== -1 ? axis + shape.length + 1 : axis }),
          axis === -1,
        ),
      })),
  ),
  ...alike(
    ["TopKV2"],
    fc.tuple(shapeOf(1, 4), fc.nat(3), number, index).map(([shape, numValues, dtype, indexDtype]) => ({
      inputs: [tensor(shape, dtype), int(Math.min(numValues, shape.at(-1)!))],
      attributes: optional({ index_type: attribute.type(indexDtype) }, indexDtype === "int32"),
    })),
  ),
  ...alike(
    ["Diag"],
    fc
      .tuple(shapeOf(1, 3), fc.constantFrom<Dtype>("float32", "int32"))
      .map(([shape, dtype]) => ({ inputs: [tensor(shape, dtype)] })),
  ),
  ...alike(
    ["BroadcastArgs"],
    fc.tuple(shapeOf(0, 4), fc.nat(4)).map(([shape, numMissing]) => {
      const other = shape.slice(numMissing).map((each, axis) => (axis % 2 === 0 ? 1 : each));
      return { inputs: [tensor([shape.length], "int32", shape), tensor([other.length], "int32", other)] };
    }),
  ),
};
