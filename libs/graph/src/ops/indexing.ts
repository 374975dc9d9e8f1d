import {
  attributeOr,
  axisOf,
  commonDtype,
  constantAxis,
  constantInt,
  expectShape,
  format,
  inputOfRank,
  type OpCall,
  type OpFamily,
  type OpRow,
  rows,
} from "./row.ts";

/** Shape of one place or slice that `depth` numbers name. */
function sliceShape(call: OpCall, shape: readonly number[], depth: number): readonly number[] {
  return depth <= shape.length
    ? shape.slice(depth)
    : call.fail(`has indices of ${depth} numbers into ${format(shape)}`);
}

/** Checks that there is an update for each row of indices. A vector of indices is as many rows of one number. */
function scatteredShape(call: OpCall, shape: readonly number[], indices: number, updates: number): readonly number[] {
  const given = call.input(indices).shape;
  if (given.length === 0) call.fail("needs indices of at least 1 dimension");
  const [rows_, depth] = given.length === 1 ? [given, 1] : [given.slice(0, -1), given.at(-1)!];
  expectShape(call, updates, [...rows_, ...sliceShape(call, shape, depth)]);
  return shape;
}

const tensorScatter: OpRow = {
  kind: "indexing",
  inPlace: [0],
  infer: (call) => [{ dtype: commonDtype(call, [0, 2]), shape: scatteredShape(call, call.input(0).shape, 1, 2) }],
};

/** Ops that read or write where other values say. */
export const indexingOps: OpFamily = {
  GatherV2: {
    precision: { class: "infer", attribute: "Tparams" },
    kind: "indexing",
    infer: (call) => {
      const { dtype, shape } = call.input(0);
      const indices = call.input(1).shape;
      const axis = constantAxis(call, 2, shape.length);
      const numBatchDims = attributeOr(call, "batch_dims", "int", 0);
      const batchDims = numBatchDims < 0 ? numBatchDims + indices.length : numBatchDims;
      const isBatch = shape.slice(0, batchDims).every((size, index) => size === indices[index]);
      if (batchDims < 0 || batchDims > axis || batchDims > indices.length || !isBatch) {
        call.fail(`gathers along axis ${axis} with ${numBatchDims} batch dimensions`);
      }
      return [{ dtype, shape: [...shape.slice(0, axis), ...indices.slice(batchDims), ...shape.slice(axis + 1)] }];
    },
  },
  GatherNd: {
    precision: { class: "infer", attribute: "Tparams" },
    kind: "indexing",
    infer: (call) => {
      const { dtype, shape } = call.input(0);
      const indices = call.input(1).shape;
      const depth = indices.at(-1) ?? call.fail("needs indices of at least 1 dimension");
      return [{ dtype, shape: [...indices.slice(0, -1), ...sliceShape(call, shape, depth)] }];
    },
  },
  ScatterNd: {
    kind: "indexing",
    infer: (call) => [{ dtype: call.input(1).dtype, shape: scatteredShape(call, call.constantInts(2), 0, 1) }],
  },
  ...rows(["TensorScatterAdd", "TensorScatterUpdate"], tensorScatter),
  // Values, the segment of each, and the number of segments.
  UnsortedSegmentSum: {
    kind: "indexing",
    infer: (call) => {
      const { dtype, shape } = call.input(0);
      const segments = call.input(1).shape;
      if (segments.some((size, axis) => size !== shape[axis])) call.fail("needs a segment for each row");
      return [{ dtype, shape: [constantInt(call, 2), ...shape.slice(segments.length)] }];
    },
  },
  // Places, the shape of the result, values, and the value of every other place.
  SparseToDense: {
    kind: "indexing",
    infer: (call) => [{ dtype: commonDtype(call, [2, 3]), shape: call.constantInts(1) }],
  },
  // Values, their number, and weights: none, or one for each value. Counts them.
  Bincount: {
    kind: "indexing",
    infer: (call) => [{ dtype: call.input(2).dtype, shape: [constantInt(call, 1)] }],
  },
  // Indices, the number of classes, and the values for on and off.
  OneHot: {
    kind: "indexing",
    infer: (call) => {
      const { shape } = call.input(0);
      const axis = axisOf(call, attributeOr(call, "axis", "int", -1), shape.length + 1);
      return [{ dtype: commonDtype(call, [2, 3]), shape: shape.toSpliced(axis, 0, constantInt(call, 1)) }];
    },
  },
  // The largest values of the last axis, and their places.
  TopKV2: {
    kind: "indexing",
    infer: (call) => {
      const { dtype, shape } = call.input(0);
      const numValues = constantInt(call, 1);
      const available = shape.at(-1) ?? call.fail("needs at least 1 dimension");
      if (numValues > available) call.fail(`takes ${numValues} of ${available} values`);
      const top = [...shape.slice(0, -1), numValues];
      return [
        { dtype, shape: top },
        { dtype: attributeOr(call, "index_type", "type", "int32"), shape: top },
      ];
    },
  },
  // A square, or twice the dimensions, with the values on its diagonal.
  Diag: {
    kind: "indexing",
    infer: (call) => {
      const { dtype, shape } = call.input(0);
      if (shape.length === 0) call.fail("needs at least 1 dimension");
      return [{ dtype, shape: [...shape, ...shape] }];
    },
  },
  // Shape of what two shapes, given as vectors, broadcast to.
  BroadcastArgs: {
    kind: "indexing",
    infer: (call) => {
      const sizes = [0, 1].map((index) => inputOfRank(call, index, 1).shape[0]!);
      return [{ dtype: commonDtype(call, [0, 1]), shape: [Math.max(...sizes)] }];
    },
  },
};
