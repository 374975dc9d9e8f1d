import { allow16, commonDtype, expectShape, type OpCall, type OpFamily, type OpRow, product, rows } from "./row.ts";
import { convolvedShape } from "./windows.ts";

/** Input and filter. */
function forward(depthwise: boolean): OpRow {
  return {
    ...allow16,
    kind: "contraction",
    infer: (call) => {
      const [input, filter] = [call.input(0).shape, call.input(1).shape];
      return [{ dtype: commonDtype(call, [0, 1]), shape: convolvedShape(call, { input, filter, depthwise }) }];
    },
    multiplications: (call) => {
      const [input, filter] = [call.input(0).shape, call.input(1).shape];
      return product(convolvedShape(call, { input, filter, depthwise })) * perOutput(filter, depthwise);
    },
  };
}

/** Shape of the input (a constant), filter, gradient of the output. */
function inputGradient(depthwise: boolean): OpRow {
  return {
    ...allow16,
    kind: "contraction",
    infer: (call) => {
      const input = call.constantInts(0);
      return gradient(call, 1, input, { input, filter: call.input(1).shape, depthwise });
    },
    multiplications: (call) => product(call.input(2).shape) * perOutput(call.input(1).shape, depthwise),
  };
}

/** Input, shape of the filter (a constant), gradient of the output. */
function filterGradient(depthwise: boolean): OpRow {
  return {
    ...allow16,
    kind: "contraction",
    infer: (call) => {
      const filter = call.constantInts(1);
      return gradient(call, 0, filter, { input: call.input(0).shape, filter, depthwise });
    },
    multiplications: (call) => product(call.input(2).shape) * perOutput(call.constantInts(1), depthwise),
  };
}

/** Products that are summed for one value of a convolution's output. */
function perOutput(filter: readonly number[], depthwise: boolean): number {
  return product(filter.slice(0, depthwise ? -2 : -1));
}

function gradient(call: OpCall, other: number, shape: readonly number[], of: Parameters<typeof convolvedShape>[1]) {
  expectShape(call, 2, convolvedShape(call, of));
  return [{ dtype: commonDtype(call, [other, 2]), shape }];
}

/** Convolutions in two and three dimensions, and their gradients. */
export const convolutionOps: OpFamily = {
  ...rows(["Conv2D", "Conv3D"], forward(false)),
  ...rows(["Conv2DBackpropInput", "Conv3DBackpropInputV2"], inputGradient(false)),
  ...rows(["Conv2DBackpropFilter", "Conv3DBackpropFilterV2"], filterGradient(false)),
  DepthwiseConv2dNative: forward(true),
  DepthwiseConv2dNativeBackpropInput: inputGradient(true),
  DepthwiseConv2dNativeBackpropFilter: filterGradient(true),
};
