import {
  attributeOr,
  axisOf,
  broadcastShapes,
  commonDtype,
  constantAxis,
  constantInt,
  expectShape,
  format,
  infer16,
  inputOfRank,
  isAligned,
  type OpCall,
  type OpFamily,
  type OpRow,
  product,
  rows,
  viewOfFirst,
} from "./row.ts";
import { spaceOps } from "./space.ts";
import { stridedSliceShape } from "./strided-slice.ts";

/** A row whose one output has the dtype of input 0. */
function moving(shape: (call: OpCall) => readonly number[], traits: Pick<OpRow, "viewOf"> = {}): OpRow {
  const infer: OpRow["infer"] = (call) => [{ dtype: call.input(0).dtype, shape: shape(call) }];
  return { ...infer16, ...traits, kind: "movement", infer };
}

const view = { viewOf: viewOfFirst };

/** A view where no axis of several values changes its place among the others. */
function transposedView(call: OpCall): number | null {
  const { shape } = call.input(0);
  const order = call.constantInts(1).filter((axis) => shape.at(axis) !== 1);
  return order.every((axis, index) => index === 0 || axis > order[index - 1]!) ? 0 : null;
}

/** A view where all of every axis but the first is taken. */
function slicedView(call: OpCall): number | null {
  const { dtype, shape } = call.input(0);
  const isWhole = sliced(call).every((size, axis) => axis === 0 || size === shape[axis]);
  return isWhole && isAligned({ dtype, shape: shape.toSpliced(0, 1) }) ? 0 : null;
}

/** Views where the first axis is cut. */
function cutView(index: number, axis: (call: OpCall) => number): (call: OpCall) => number | null {
  return (call) => {
    const { dtype, shape } = call.input(index);
    return axis(call) === 0 && isAligned({ dtype, shape: shape.toSpliced(0, 1) }) ? index : null;
  };
}

function reshaped(call: OpCall): readonly number[] {
  const size = product(call.input(0).shape);
  const shape = call.constantInts(1);
  const known = product(shape.filter((dimension) => dimension !== -1));
  const numOpen = shape.filter((dimension) => dimension === -1).length;
  const open = size / known;
  const fits = numOpen === 0 ? known === size : numOpen === 1 && Number.isInteger(open);
  if (!fits) call.fail(`reshapes ${size} values to ${format(shape)}`);
  return shape.map((dimension) => (dimension === -1 ? open : dimension));
}

function transposed(call: OpCall): readonly number[] {
  const { shape } = call.input(0);
  const order = call.constantInts(1).map((axis) => axisOf(call, axis, shape.length));
  if (order.length !== shape.length || new Set(order).size !== order.length) call.fail(`permutes by ${format(order)}`);
  return order.map((axis) => shape[axis]!);
}

/** Input, begin and size; a size of -1 takes the rest. Where a slice begins may depend on data, if no size is -1. */
function sliced(call: OpCall): readonly number[] {
  const { shape } = call.input(0);
  const sizes = call.constantInts(2);
  const begins = sizes.includes(-1) ? call.constantInts(1) : null;
  if (sizes.length !== shape.length) call.fail(`slices ${format(shape)} to ${format(sizes)}`);
  return shape.map((available, axis) => {
    const begin = begins?.[axis] ?? 0;
    const size = sizes[axis]! === -1 ? available - begin : sizes[axis]!;
    if (size < 0 || begin + size > available) call.fail(`slices ${format(shape)} to ${format(sizes)}`);
    return size;
  });
}

const padded = moving((call) => {
  const { shape } = call.input(0);
  const paddings = call.constantInts(1);
  if (paddings.length !== 2 * shape.length) call.fail(`has ${paddings.length} paddings for ${format(shape)}`);
  return shape.map((size, axis) => size + paddings[2 * axis]! + paddings[2 * axis + 1]!);
});

/** Number of values of `Range`, in the arithmetic of its dtype. */
function numInRange(call: OpCall): number {
  const [start, limit, delta] = [0, 1, 2].map((index) => constantInt(call, index)) as [number, number, number];
  if (delta === 0) call.fail("has a step of 0");
  if ((limit - start) * delta < 0) call.fail(`goes from ${start} to ${limit} in steps of ${delta}`);
  const round = call.input(0).dtype === "float32" ? Math.fround : (value: number) => value;
  return Math.ceil(Math.abs(round(round(limit - start) / delta)));
}

/** Ops that copy values to another place or shape. */
export const movementOps: OpFamily = {
  ...spaceOps,
  Reshape: moving(reshaped, view),
  Transpose: moving(transposed, { viewOf: transposedView }),
  Slice: moving(sliced, { viewOf: slicedView }),
  StridedSlice: moving(stridedSliceShape),
  ...rows(["MirrorPad", "Pad", "PadV2"], padded),
  Tile: moving((call) => {
    const { shape } = call.input(0);
    const multiples = call.constantInts(1);
    if (multiples.length !== shape.length) call.fail(`tiles ${format(shape)} by ${format(multiples)}`);
    return shape.map((size, axis) => size * multiples[axis]!);
  }),
  ExpandDims: moving((call) => {
    const { shape } = call.input(0);
    return shape.toSpliced(constantAxis(call, 1, shape.length + 1), 0, 1);
  }, view),
  Squeeze: moving((call) => {
    const { shape } = call.input(0);
    const given = attributeOr(call, "squeeze_dims", "ints", []).map((axis) => axisOf(call, axis, shape.length));
    if (given.some((axis) => shape[axis] !== 1)) call.fail(`squeezes the axes ${given.join(", ")}, not all of size 1`);
    return shape.filter((size, axis) => (given.length > 0 ? !given.includes(axis) : size !== 1));
  }, view),
  ReverseV2: moving((call) => {
    const { shape } = call.input(0);
    for (const axis of call.constantInts(1)) axisOf(call, axis, shape.length);
    return shape;
  }),
  BroadcastTo: moving((call) => {
    const shape = call.constantInts(1);
    const result = broadcastShapes(call, call.input(0).shape, shape);
    if (format(result) !== format(shape)) call.fail(`cannot broadcast to ${format(shape)}`);
    return shape;
  }),
  // Any number of tensors, and the axis.
  ConcatV2: {
    ...infer16,
    kind: "movement",
    infer: (call) => {
      const numTensors = call.types.length - 1;
      const { shape } = call.input(0);
      const axis = constantAxis(call, numTensors, shape.length);
      const indices = Array.from({ length: numTensors }, (_, index) => index);
      const sizes = indices.map((index) => {
        const size = inputOfRank(call, index, shape.length).shape[axis]!;
        expectShape(call, index, shape.with(axis, size));
        return size;
      });
      const size = sizes.reduce((sum, each) => sum + each, 0);
      return [{ dtype: commonDtype(call, indices), shape: shape.with(axis, size) }];
    },
  },
  Pack: {
    ...infer16,
    kind: "movement",
    infer: (call) => {
      const indices = call.types.map((_, index) => index);
      const { shape } = call.input(0);
      for (const index of indices) expectShape(call, index, shape);
      const axis = axisOf(call, attributeOr(call, "axis", "int", 0), shape.length + 1);
      return [{ dtype: commonDtype(call, indices), shape: shape.toSpliced(axis, 0, indices.length) }];
    },
  },
  Unpack: {
    ...infer16,
    kind: "movement",
    viewOf: cutView(0, (call) => attributeOr(call, "axis", "int", 0)),
    infer: (call) => {
      const { dtype, shape } = call.input(0);
      const axis = axisOf(call, attributeOr(call, "axis", "int", 0), shape.length);
      const numOutputs = call.int("num");
      if (shape[axis] !== numOutputs) call.fail(`unpacks ${shape[axis]} values into ${numOutputs}`);
      return Array.from({ length: numOutputs }, () => ({ dtype, shape: shape.toSpliced(axis, 1) }));
    },
  },
  // The axis, then the tensor.
  Split: {
    ...infer16,
    kind: "movement",
    viewOf: cutView(1, (call) => constantInt(call, 0)),
    infer: (call) => {
      const { dtype, shape } = call.input(1);
      const axis = constantAxis(call, 0, shape.length);
      const numParts = call.int("num_split");
      const size = shape[axis]! / numParts;
      if (!Number.isInteger(size)) call.fail(`splits ${shape[axis]} values into ${numParts} equal parts`);
      return Array.from({ length: numParts }, () => ({ dtype, shape: shape.with(axis, size) }));
    },
  },
  // The tensor, the sizes (one of which may be -1: the rest), and the axis.
  SplitV: {
    ...infer16,
    kind: "movement",
    viewOf: cutView(0, (call) => constantInt(call, 2)),
    infer: (call) => {
      const { dtype, shape } = call.input(0);
      const sizes = call.constantInts(1);
      const axis = constantAxis(call, 2, shape.length);
      const known = sizes.filter((size) => size !== -1).reduce((sum, size) => sum + size, 0);
      const rest = shape[axis]! - known;
      const numOpen = sizes.filter((size) => size === -1).length;
      if (numOpen > 1 || rest < 0 || (numOpen === 0 && rest > 0)) {
        call.fail(`splits ${shape[axis]} values into ${format(sizes)}`);
      }
      return sizes.map((size) => ({ dtype, shape: shape.with(axis, size === -1 ? rest : size) }));
    },
  },
  // The shape, and the one value.
  Fill: {
    kind: "movement",
    infer: (call) => [{ dtype: inputOfRank(call, 1, 0).dtype, shape: call.constantInts(0) }],
  },
  // First, limit and step.
  Range: {
    kind: "movement",
    infer: (call) => [{ dtype: commonDtype(call, [0, 1, 2]), shape: [numInRange(call)] }],
  },
  // First, last and number.
  LinSpace: {
    kind: "movement",
    infer: (call) => [{ dtype: commonDtype(call, [0, 1]), shape: [constantInt(call, 2)] }],
  },
};
