import fc from "fast-check";
import { attribute } from "../../attributes.ts";
import {
  alike,
  anyDtype,
  attributes,
  axisIn,
  boolean,
  broadcastable,
  type CallFamily,
  number,
  optional,
  shapeOf,
  shapeWithAxis,
  size,
} from "./arbitraries.ts";
import { int, ints, tensor } from "./call.ts";

/** A number for each axis. */
function perAxis(rank: number, min: number, max: number) {
  return fc.array(fc.integer({ min, max }), { minLength: rank, maxLength: rank });
}

/** A shape and as many small numbers as `count` says. */
function shapeWith(minRank: number, maxRank: number, min: number, max: number, count: (rank: number) => number) {
  return shapeOf(minRank, maxRank).chain((shape) =>
    fc.tuple(fc.constant(shape), perAxis(count(shape.length), min, max)),
  );
}

const pairs = (rank: number) => 2 * rank;
const reshapes = shapeOf(0, 4, fc.integer({ min: 0, max: 4 })).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    // The axes in another order, with one more, at times with one left open.
    target: fc.shuffledSubarray([...shape, 1], { minLength: shape.length + 1, maxLength: shape.length + 1 }),
    open: fc.option(fc.nat(shape.length)),
  }),
);
const splits = shapeWithAxis(1, 3).chain(({ shape, axis }) =>
  fc.record({
    shape: fc.constant(shape),
    axis: fc.constant(axis),
    sizes: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 }),
    open: fc.option(fc.nat(3)),
  }),
);

const paddings = shapeWith(0, 4, 0, 2, pairs).map(([shape, sizes]) => ({
  inputs: [tensor(shape), ints(sizes, [shape.length, 2])],
}));

export const movementCalls: CallFamily = {
  ...alike(
    ["Reshape"],
    reshapes.map(({ shape, target, open }) => ({
      inputs: [tensor(shape), ints(target.map((each, axis) => (axis === open && !shape.includes(0) ? -1 : each)))],
    })),
  ),
  ...alike(
    ["Transpose"],
    shapeOf(0, 5)
      .chain((shape) =>
        fc.tuple(fc.constant(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }), number),
      )
      .map(([shape, order, dtype]) => ({ inputs: [tensor(shape, dtype), ints(order)] })),
  ),
  ...alike(
    ["Slice"],
    shapeWith(0, 4, 0, 5, pairs).map(([shape, numbers]) => {
      // Of every axis: where it begins, and the size, at times the rest or too much.
      const begins = shape.map((each, axis) => numbers[axis]! % each);
      const sizes = shape.map((each, axis) => Math.min(numbers[shape.length + axis]! - 1, each - begins[axis]!));
      return { inputs: [tensor(shape), ints(begins), ints(sizes)] };
    }),
  ),
  ...alike(["Pad"], paddings),
  ...alike(
    ["PadV2"],
    paddings.map(({ inputs }) => ({ inputs: [...inputs, tensor([])] })),
  ),
  ...alike(
    ["MirrorPad"],
    fc.tuple(shapeWith(1, 4, 0, 1, pairs), boolean).map(([[shape, paddings], reflects]) => ({
      inputs: [tensor(shape.map((each) => each + 1)), ints(paddings, [shape.length, 2])],
      attributes: attributes({ mode: reflects ? "REFLECT" : "SYMMETRIC" }),
    })),
  ),
  ...alike(
    ["Tile"],
    shapeWith(0, 4, 0, 3, (rank) => rank).map(([shape, multiples]) => ({ inputs: [tensor(shape), ints(multiples)] })),
  ),
  ...alike(
    ["ExpandDims"],
    shapeWithAxis(1, 4).map(({ shape, axis }) => ({ inputs: [tensor(shape.slice(1)), int(axis)] })),
  ),
  ...alike(
    ["Squeeze"],
    fc
      .tuple(shapeOf(1, 5, fc.constantFrom(1, 1, 2)), fc.uniqueArray(fc.nat(4)), boolean)
      .map(([shape, axes, isDefault]) => ({
        inputs: [tensor(shape)],
        attributes: optional(
          attributes({ squeeze_dims: axes.filter((axis) => shape[axis] === 1).map((axis) => axis - shape.length) }),
          isDefault,
        ),
      })),
  ),
  ...alike(
    ["ReverseV2"],
    shapeOf(1, 4)
      .chain((shape) => fc.tuple(fc.constant(shape), fc.uniqueArray(axisIn(shape.length), { maxLength: 2 })))
      .filter(([shape, axes]) => new Set(axes.map((axis) => (axis + shape.length) % shape.length)).size === axes.length)
      .map(([shape, axes]) => ({ inputs: [tensor(shape), ints(axes)] })),
  ),
  ...alike(
    ["BroadcastTo"],
    broadcastable(1, size).chain(([shape]) =>
      fc.array(size, { maxLength: 2 }).map((leading) => ({ inputs: [tensor(shape!), ints([...leading, ...shape!])] })),
    ),
  ),
  ...alike(
    ["ConcatV2"],
    fc
      .tuple(shapeWithAxis(1, 4), fc.array(size, { minLength: 2, maxLength: 4 }), anyDtype)
      .map(([{ shape, axis }, sizes, dtype]) => ({
        inputs: [...sizes.map((each) => tensor(shape.with(axis, each), dtype)), int(axis)],
        attributes: { N: attribute.int(sizes.length), T: attribute.type(dtype) },
      })),
  ),
  ...alike(
    ["Pack"],
    fc.tuple(shapeWithAxis(1, 4), size, number, boolean).map(([{ shape, axis }, numInputs, dtype, isDefault]) => ({
      inputs: Array.from({ length: numInputs }, () => tensor(shape.slice(1), dtype)),
      attributes: {
        N: attribute.int(numInputs),
        T: attribute.type(dtype),
        ...optional(attributes({ axis }), isDefault),
      },
    })),
  ),
  ...alike(
    ["Unpack"],
    fc.tuple(shapeWithAxis(1, 4), number, boolean).map(([{ shape, axis }, dtype, isDefault]) => ({
      inputs: [tensor(shape, dtype)],
      attributes: {
        ...attributes({ num: isDefault ? shape[0]! : shape.at(axis)! }),
        ...optional(attributes({ axis }), isDefault),
      },
    })),
  ),
  ...alike(
    ["Split"],
    fc.tuple(shapeWithAxis(1, 4), size, number).map(([{ shape, axis }, numParts, dtype]) => ({
      inputs: [int(axis), tensor(shape.with(axis, shape.at(axis)! * numParts), dtype)],
      attributes: attributes({ num_split: numParts }),
    })),
  ),
  ...alike(
    ["SplitV"],
    splits.map(({ shape, axis, sizes, open }) => ({
      inputs: [
        tensor(
          shape.with(
            axis,
            sizes.reduce((sum, each) => sum + each, 0),
          ),
        ),
        ints(sizes.map((each, index) => (index === open && sizes.length > 1 ? -1 : each))),
        int(axis),
      ],
      attributes: attributes({ num_split: sizes.length }),
    })),
  ),
  ...alike(
    ["Fill"],
    fc
      .tuple(shapeOf(0, 4, fc.integer({ min: 0, max: 3 })), anyDtype)
      .map(([shape, dtype]) => ({ inputs: [ints(shape), tensor([], dtype)] })),
  ),
  ...alike(
    ["Range"],
    fc
      .tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 }), fc.constantFrom(1, 2, 3), boolean)
      .map(([first, last, step, isFloat]) => {
        const values = [first, last, last < first ? -step : step].map((each) => (isFloat ? each / 10 : each));
        const dtype = isFloat ? "float32" : "int32";
        return { inputs: values.map((each) => ({ ...tensor([], dtype, [each]), isConstant: true })) };
      }),
  ),
  ...alike(
    ["LinSpace"],
    size.map((numValues) => ({ inputs: [tensor([]), tensor([]), int(numValues)] })),
  ),
};
