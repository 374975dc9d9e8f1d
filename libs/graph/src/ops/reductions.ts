import { type OpCall, type OpFamily, type OpRow, positiveAxis, rows } from "./row.ts";

/** Shape after a reduction over the axes that input 1 lists. */
function reducedShape(call: OpCall): readonly number[] {
  const { shape } = call.input(0);
  const axes = new Set(call.constantInts(1).map((axis) => positiveAxis(axis, shape.length)));
  const keepDims = call.attributes.keep_dims?.value === true;
  return shape.flatMap((size, axis) => (axes.has(axis) ? (keepDims ? [1] : []) : [size]));
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
    const [axis] = call.constantInts(1).map((value) => positiveAxis(value, shape.length));
    return [{ dtype: call.type("output_type"), shape: shape.filter((_, index) => index !== axis) }];
  },
};

/** Ops that fold an axis, or sum along one. */
export const reductionOps: OpFamily = {
  ...rows(["All", "Any", "Max", "Mean", "Min", "Prod", "Sum"], reduction),
  ...rows(["ArgMax", "ArgMin"], argument),
  ...rows(["Cumprod", "Cumsum"], { kind: "reduction", infer: (call) => [call.input(0)] }),
  L2Loss: { kind: "reduction", infer: (call) => [{ dtype: call.input(0).dtype, shape: [] }] },
};
