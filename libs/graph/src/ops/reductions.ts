import { attributeOr, axisOf, constantAxis, infer16, type OpCall, type OpFamily, type OpRow, rows } from "./row.ts";

/** Shape after a reduction over the axes that input 1 lists. */
function reducedShape(call: OpCall): readonly number[] {
  const { shape } = call.input(0);
  const axes = call.constantInts(1).map((axis) => axisOf(call, axis, shape.length));
  if (new Set(axes).size < axes.length) call.fail(`reduces an axis twice: ${axes.join(", ")}`);
  const keepDims = attributeOr(call, "keep_dims", "bool", false);
  return shape.flatMap((size, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [size]));
}

const reduction: OpRow = {
  kind: "reduction",
  infer: (call) => [{ dtype: call.input(0).dtype, shape: reducedShape(call) }],
};

/** Position of the largest or smallest value along one axis, which is removed. */
const argument: OpRow = {
  kind: "reduction",
  infer: (call) => {
    const { shape } = call.input(0);
    const axis = constantAxis(call, 1, shape.length);
    return [
      { dtype: attributeOr(call, "output_type", "type", "int64"), shape: shape.filter((_, index) => index !== axis) },
    ];
  },
};

/** Running sums and products: the axis, an input, does not change the shape. */
const cumulative: OpRow = {
  kind: "reduction",
  infer: (call) => {
    const { dtype, shape } = call.input(0);
    constantAxis(call, 1, shape.length);
    return [{ dtype, shape }];
  },
};

/** Ops that fold an axis, or sum along one. */
export const reductionOps: OpFamily = {
  ...rows(["All", "Any", "Prod"], reduction),
  ...rows(["Max", "Mean", "Min", "Sum"], { ...reduction, ...infer16 }),
  ...rows(["ArgMax", "ArgMin"], argument),
  ...rows(["Cumprod", "Cumsum"], cumulative),
  // No 16-bit floats: it adds them up in their own format, so that bfloat16 gets stuck at 256 (TensorFlow 2.21).
  BiasAddGrad: {
    kind: "reduction",
    infer: (call) => {
      const { dtype, shape } = call.input(0);
      if (shape.length < 2) call.fail("needs at least 2 dimensions");
      const isChannelsFirst = attributeOr(call, "data_format", "string", "NHWC").startsWith("NC");
      return [{ dtype, shape: [shape.at(isChannelsFirst ? 1 : -1)!] }];
    },
  },
  L2Loss: { kind: "reduction", infer: (call) => [{ dtype: call.input(0).dtype, shape: [] }] },
};
