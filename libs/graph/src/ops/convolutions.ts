import { commonDtype, expectShape, type OpCall, type OpFamily, type OpRow, rows } from "./row.ts";
import { convolvedShape } from "./windows.ts";

/** Input and filter. */
function forward(depthwise: boolean): OpRow {
  return {
    kind: "contraction",
    infer: (call) => {
      const [input, filter] = [call.input(0).shape, call.input(1).shape];
      return [{ dtype: commonDtype(call, [0, 1]), shape: convolvedShape(call, { input, filter, depthwise }) }];
    },
  };
}

/** Shape of the input (a constant), filter, gradient of the output. */
function inputGradient(depthwise: boolean): OpRow {
  return {
    kind: "contraction",
    infer: (call) => {
      const input = call.constantInts(0);
      return gradient(call, 1, input, { input, filter: call.input(1).shape, depthwise });
    },
  };
}

/** Input, shape of the filter (a constant), gradient of the output. */
function filterGradient(depthwise: boolean): OpRow {
  return {
    kind: "contraction",
    infer: (call) => {
      const filter = call.constantInts(1);
      return gradient(call, 0, filter, { input: call.input(0).shape, filter, depthwise });
    },
  };
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
