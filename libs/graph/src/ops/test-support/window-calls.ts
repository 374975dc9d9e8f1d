import fc from "fast-check";
import type { Attributes } from "../../attributes.ts";
import { alike, attributes, type CallFamily, float, optional, size } from "./arbitraries.ts";
import { ints, type TestCall, type TestInput, tensor } from "./call.ts";
import { infer } from "./execute.ts";

/** Arguments of a forward op, for its gradients to use. */
interface Forward {
  readonly inputs: readonly TestInput[];
  readonly attributes: Attributes;
}
type Paddings = "SAME" | "VALID" | "EXPLICIT";

/** The gradient of a call's output; of one value, where the call is refused. */
function outputGradient(op: string, { inputs, attributes: given }: Forward): TestInput {
  try {
    const [type] = infer({ op, inputs, attributes: given });
    return tensor(type!.shape, type!.dtype);
  } catch {
    return tensor(inputs[0]!.type.shape.map(() => 1));
  }
}

const shapeOfInput = ({ type }: TestInput) => ints(type.shape);
const spatialSizes = (rank: number, min = 2) =>
  fc.array(fc.integer({ min, max: 7 }), { minLength: rank, maxLength: rank });
const windowSizes = (rank: number) => fc.array(fc.integer({ min: 1, max: 3 }), { minLength: rank, maxLength: rank });

interface ConvolutionOptions {
  readonly rank: number;
  readonly paddings: readonly Paddings[];
  readonly maxDilation?: number;
  readonly maxGroups?: number;
}

function convolution({ rank, paddings, maxDilation = 1, maxGroups = 1 }: ConvolutionOptions): fc.Arbitrary<Forward> {
  return fc
    .record({
      batchSize: size,
      // At least as large as the largest filter: oneDNN gives an empty result the shape of the input.
      sizes: spatialSizes(rank, 5),
      filterSizes: windowSizes(rank),
      channels: fc.tuple(size, size),
      numGroups: fc.integer({ min: 1, max: maxGroups }),
      stride: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: maxDilation }),
      padding: fc.constantFrom(...paddings),
      margins: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 2 * rank, maxLength: 2 * rank }),
      dtype: float,
    })
    .map((given) => {
      const { batchSize, sizes, filterSizes, padding, margins, dtype } = given;
      const [inputDepth, outputDepth] = given.channels;
      const numGroups = dtype === "float32" ? given.numGroups : 1;
      // TensorFlow dilates with a stride of one only.
      const stride = given.dilation > 1 ? 1 : given.stride;
      const around = (value: number) => [1, ...sizes.map(() => value), 1];
      return {
        inputs: [
          tensor([batchSize, ...sizes, inputDepth * numGroups], dtype),
          tensor([...filterSizes, inputDepth, outputDepth * numGroups], dtype),
        ],
        attributes: {
          ...attributes({ strides: around(stride), padding }),
          ...optional(attributes({ dilations: around(given.dilation) }), given.dilation === 1),
          ...optional(attributes({ explicit_paddings: [0, 0, ...margins, 0, 0] }), padding !== "EXPLICIT"),
        },
      };
    });
}

/** The forward op and its two gradients, which take the same attributes. */
function convolutionFamily(op: string, gradients: readonly [string, string], options: ConvolutionOptions): CallFamily {
  // No gradients of groups on a CPU.
  const backward = convolution({ ...options, maxDilation: 1, maxGroups: 1 });
  return {
    ...alike([op], convolution(options)),
    ...alike(
      [gradients[0]],
      backward.map((forward) => {
        const [input, filter] = forward.inputs as [TestInput, TestInput];
        return { ...forward, inputs: [shapeOfInput(input), filter, outputGradient(op, forward)] };
      }),
    ),
    ...alike(
      [gradients[1]],
      backward.map((forward) => {
        const [input, filter] = forward.inputs as [TestInput, TestInput];
        return { ...forward, inputs: [input, shapeOfInput(filter), outputGradient(op, forward)] };
      }),
    ),
  };
}

function pooling(rank: number, paddings: readonly Paddings[]): fc.Arbitrary<Forward> {
  return fc
    .record({
      batchSize: size,
      sizes: spatialSizes(rank),
      windows: windowSizes(rank),
      strides: windowSizes(rank),
      numChannels: size,
      padding: fc.constantFrom(...paddings),
      dtype: float,
    })
    .map(({ batchSize, sizes, windows, strides, numChannels, padding, dtype }) => ({
      inputs: [tensor([batchSize, ...sizes, numChannels], dtype)],
      attributes: attributes({ ksize: [1, ...windows, 1], strides: [1, ...strides, 1], padding }),
    }));
}

function poolingFamily(rank: number, suffix: string): CallFamily {
  const calls = pooling(rank, ["SAME", "VALID"]);
  const [max, average] = [`MaxPool${suffix}`, `AvgPool${suffix}`];
  return {
    ...alike([max, average], calls),
    ...alike(
      [`${max}Grad`],
      calls.map((forward) => {
        const output = outputGradient(max, forward);
        return { ...forward, inputs: [forward.inputs[0]!, output, output] };
      }),
    ),
    ...alike(
      [`${average}Grad`],
      calls.map((forward) => ({
        ...forward,
        inputs: [shapeOfInput(forward.inputs[0]!), outputGradient(average, forward)],
      })),
    ),
  };
}

const dilation = fc
  .record({
    batchSize: size,
    sizes: spatialSizes(2),
    filterSizes: windowSizes(2),
    numChannels: size,
    stride: fc.integer({ min: 1, max: 2 }),
    rate: fc.integer({ min: 1, max: 2 }),
    padding: fc.constantFrom("SAME", "VALID"),
  })
  .map(({ batchSize, sizes, filterSizes, numChannels, stride, rate, padding }) => ({
    inputs: [tensor([batchSize, ...sizes, numChannels]), tensor([...filterSizes, numChannels])],
    attributes: attributes({ strides: [1, stride, stride, 1], rates: [1, rate, rate, 1], padding }),
  }));

/** Calls of ops that slide a window. */
export const windowCalls: CallFamily = {
  ...convolutionFamily("Conv2D", ["Conv2DBackpropInput", "Conv2DBackpropFilter"], {
    rank: 2,
    paddings: ["SAME", "VALID", "EXPLICIT"],
    maxDilation: 2,
    maxGroups: 2,
  }),
  ...convolutionFamily("Conv3D", ["Conv3DBackpropInputV2", "Conv3DBackpropFilterV2"], {
    rank: 3,
    paddings: ["SAME", "VALID"],
  }),
  ...convolutionFamily(
    "DepthwiseConv2dNative",
    ["DepthwiseConv2dNativeBackpropInput", "DepthwiseConv2dNativeBackpropFilter"],
    { rank: 2, paddings: ["SAME", "VALID", "EXPLICIT"] },
  ),
  ...poolingFamily(2, ""),
  ...poolingFamily(3, "3D"),
  ...alike(["Dilation2D"], dilation),
  ...alike(
    ["Dilation2DBackpropInput", "Dilation2DBackpropFilter"],
    dilation.map((forward) => ({ ...forward, inputs: [...forward.inputs, outputGradient("Dilation2D", forward)] })),
  ),
} satisfies Readonly<Record<string, fc.Arbitrary<TestCall>>>;
