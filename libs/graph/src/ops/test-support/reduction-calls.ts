import fc from "fast-check";
import { attribute } from "../../attributes.ts";
import type { Dtype } from "../../types.ts";
import {
  alike,
  attributes,
  axisIn,
  boolean,
  type CallFamily,
  float,
  number,
  optional,
  shapeOf,
  shapeWithAxis,
} from "./arbitraries.ts";
import { int, ints, tensor } from "./call.ts";

/** Any axes, some counted from the back, in any order; at times none, or twice the same. */
function reduction(dtypes: fc.Arbitrary<Dtype>) {
  const shapeWithAxes = shapeOf(0, 4).chain((shape) =>
    fc.tuple(fc.constant(shape), shape.length === 0 ? fc.constant([]) : fc.uniqueArray(axisIn(shape.length))),
  );
  return fc.tuple(shapeWithAxes, dtypes, boolean, boolean).map(([[shape, axes], dtype, keepDims, isDefault]) => ({
    inputs: [tensor(shape, dtype), ints(axes)],
    attributes: optional(attributes({ keep_dims: keepDims }), isDefault),
  }));
}

const alongAxis = fc.tuple(shapeWithAxis(1, 4), float);

export const reductionCalls: CallFamily = {
  ...alike(["All", "Any"], reduction(fc.constant<Dtype>("bool"))),
  ...alike(["Max", "Mean", "Min", "Prod", "Sum"], reduction(number)),
  ...alike(
    ["ArgMax", "ArgMin"],
    fc
      .tuple(alongAxis, fc.constantFrom<Dtype>("int32", "int64"), boolean)
      .map(([[{ shape, axis }, dtype], output, isDefault]) => ({
        inputs: [tensor(shape, dtype), int(axis)],
        attributes: optional({ output_type: attribute.type(output) }, isDefault),
      })),
  ),
  ...alike(
    ["Cumprod", "Cumsum"],
    fc.tuple(alongAxis, boolean, boolean).map(([[{ shape, axis }, dtype], exclusive, reverse]) => ({
      inputs: [tensor(shape, dtype), int(axis)],
      attributes: attributes({ exclusive, reverse }),
    })),
  ),
  ...alike(
    ["BiasAddGrad"],
    fc.tuple(shapeOf(2, 5), float, boolean).map(([shape, dtype, isDefault]) => ({
      inputs: [tensor(shape, dtype)],
      attributes: optional(attributes({ data_format: "NHWC" }), isDefault),
    })),
  ),
  ...alike(
    ["L2Loss"],
    fc.tuple(shapeOf(0, 4), float).map(([shape, dtype]) => ({ inputs: [tensor(shape, dtype)] })),
  ),
};
