import { permuteSource, reshapeSource } from "../../model/tensor-source.ts";
import type { OnnxCall } from "../onnx-call.ts";
import { onnxFloat, onnxInt, onnxInts } from "../onnx-graph.ts";
import { alike, type OnnxResult, type OnnxRow, type OnnxRows } from "../row.ts";

/** How a window slides along the axes of an image or a volume. */
interface Windows {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Zeros before each axis and after it. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

function requireChannelsLast(call: OnnxCall): void {
  if (call.attribute("data_format", "string", "NHWC").startsWith("NC")) call.fail("has its channels first");
}

/** Of what lies between the batch and the channels. */
function spatial(values: readonly number[]): readonly number[] {
  return values.slice(1, -1);
}

function windowsOf(call: OnnxCall, sizes: readonly number[], imageSizes: readonly number[]): Windows {
  const strides = spatial(call.attribute("strides", "ints", []));
  const given = call.attribute("dilations", "ints", []);
  const dilations = given.length === 0 ? sizes.map(() => 1) : spatial(given);
  const padding = call.attribute("padding", "string", "VALID");
  const explicit = call.attribute("explicit_paddings", "ints", []);
  const margins = imageSizes.map((size, axis): readonly [number, number] => {
    if (padding === "VALID") return [0, 0];
    if (padding === "EXPLICIT") return [explicit[2 * (axis + 1)]!, explicit[2 * (axis + 1) + 1]!];
    // SAME: as many places as strides fit, what is missing is divided, one more at the end (TensorFlow's rule).
    const extent = (sizes[axis]! - 1) * dilations[axis]! + 1;
    const missing = Math.max(0, (Math.ceil(size / strides[axis]!) - 1) * strides[axis]! + extent - size);
    return [Math.floor(missing / 2), Math.ceil(missing / 2)];
  });
  return {
    sizes,
    strides,
    dilations,
    before: margins.map(([before]) => before),
    after: margins.map(([, after]) => after),
  };
}

/** Sizes of an image, without the batch and the channels: the same for every batch. */
function imageSizes(call: OnnxCall, index: number): readonly number[] {
  return spatial(call.dims(index).map((_, axis) => axis)).map((axis) => call.fixedSize(index, axis));
}

function attributesOf({ sizes, strides, before, after }: Windows) {
  return { kernel_shape: onnxInts(sizes), strides: onnxInts(strides), pads: onnxInts([...before, ...after]) };
}

const convolution: OnnxRow = (call) => {
  requireChannelsLast(call);
  const { shape } = call.type(1);
  const rank = shape.length;
  const windows = windowsOf(call, shape.slice(0, -2), imageSizes(call, 0));
  // [..., in, out] to [out, in, ...].
  const filter = call.inputIn(1, [rank - 1, rank - 2, ...shape.keys().take(rank - 2)]);
  const output = call.emit("Conv", [call.imageInput(0), filter], {
    ...attributesOf(windows),
    dilations: onnxInts(windows.dilations),
    group: onnxInt(call.fixedSize(0, -1) / shape.at(-2)!),
  });
  return call.image(output);
};

/** A filter for each channel, which makes `multiplier` of it. */
const depthwise: OnnxRow = (call) => {
  requireChannelsLast(call);
  const [height, width, numChannels, multiplier] = call.type(1).shape as [number, number, number, number];
  const windows = windowsOf(call, [height, width], imageSizes(call, 0));
  const source = call.source(1);
  const shape = [numChannels * multiplier, 1, height, width];
  const filter =
    source === null
      ? call.reshaped(call.transposed(call.input(1), [2, 3, 0, 1]), shape)
      : call.tensor(reshapeSource(permuteSource(source, [2, 3, 0, 1]), shape), 1);
  const output = call.emit("Conv", [call.imageInput(0), filter], {
    ...attributesOf(windows),
    dilations: onnxInts(windows.dilations),
    group: onnxInt(numChannels),
  });
  return call.image(output);
};

/** The gradient of a convolution by its input is what models call a transposed convolution. */
const transposedConvolution: OnnxRow = (call) => {
  requireChannelsLast(call);
  const { shape } = call.type(1);
  const rank = shape.length;
  const result = call.node.outputs[0]!.shape;
  const numGroups = result.at(-1)! / shape.at(-2)!;
  if (numGroups !== 1) call.fail("has groups of channels");
  const targets = spatial(result);
  const windows = windowsOf(call, shape.slice(0, -2), targets);
  const sources = imageSizes(call, 2);
  // What the rule of a transposed convolution gives without margins, less what is wanted, is what the margins take away.
  const surplus = targets.map((target, axis) => {
    const extent = (windows.sizes[axis]! - 1) * windows.dilations[axis]! + 1;
    return (sources[axis]! - 1) * windows.strides[axis]! + extent - windows.before[axis]! - target;
  });
  const filter = call.inputIn(1, [rank - 1, rank - 2, ...shape.keys().take(rank - 2)]);
  const output = call.emit("ConvTranspose", [call.imageInput(2), filter], {
    ...attributesOf({ ...windows, after: surplus.map((each) => Math.max(0, each)) }),
    dilations: onnxInts(windows.dilations),
    output_padding: onnxInts(surplus.map((each) => Math.max(0, -each))),
  });
  return call.image(output);
};

function pooling(onnxOp: string): OnnxRow {
  return (call): OnnxResult => {
    requireChannelsLast(call);
    const windows = windowsOf(call, spatial(call.attribute("ksize", "ints", [])), imageSizes(call, 0));
    return call.image(call.emit(onnxOp, [call.imageInput(0)], attributesOf(windows)));
  };
}

/** The largest sum of a window and the filter, one place of the filter after another. */
const dilation: OnnxRow = (call) => {
  const [height, width, numChannels] = call.type(1).shape as [number, number, number];
  const strides = spatial(call.attribute("strides", "ints", []));
  const rates = spatial(call.attribute("rates", "ints", []));
  const sizes = imageSizes(call, 0);
  const padding = call.attribute("padding", "string", "VALID");
  const extents = [(height - 1) * rates[0]! + 1, (width - 1) * rates[1]! + 1];
  const numPlaces = spatial(call.node.outputs[0]!.shape);
  const missing = sizes.map((size, axis) =>
    padding === "VALID" ? 0 : Math.max(0, (numPlaces[axis]! - 1) * strides[axis]! + extents[axis]! - size),
  );
  const before = missing.map((each) => Math.floor(each / 2));
  const pads = [0, ...before, 0, 0, ...missing.map((each, axis) => each - before[axis]!), 0];
  const lowest = call.scalar(-3.4028234663852886e38);
  const padded = call.emit("Pad", [call.input(0), call.constants(pads), lowest]);
  let largest: string | null = null;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const ranges = [row, column].map((place, axis) => {
        const from = place * rates[axis]!;
        return { axis: axis + 1, from, to: from + (numPlaces[axis]! - 1) * strides[axis]! + 1, step: strides[axis]! };
      });
      const part = call.sliced(call.input(1), [
        { axis: 0, from: row, to: row + 1 },
        { axis: 1, from: column, to: column + 1 },
      ]);
      const sum: string = call.emit("Add", [call.sliced(padded, ranges), call.reshaped(part, [numChannels])]);
      largest = largest === null ? sum : call.emit("Max", [largest, sum]);
    }
  }
  return largest ?? call.fail("has an empty filter");
};

const localResponse: OnnxRow = (call) => {
  const size = 2 * call.attribute("depth_radius", "int", 5) + 1;
  const output = call.emit("LRN", [call.imageInput(0)], {
    size: onnxInt(size),
    // ONNX takes the mean of the squares, TensorFlow their sum.
    alpha: onnxFloat(call.attribute("alpha", "float", 1) * size),
    beta: onnxFloat(call.attribute("beta", "float", 0.5)),
    bias: onnxFloat(call.attribute("bias", "float", 1)),
  });
  return call.image(output);
};

/** Ops that slide a window. */
export const windowRows: OnnxRows = {
  ...alike(["Conv2D", "Conv3D"], convolution),
  ...alike(["Conv2DBackpropInput", "Conv3DBackpropInputV2"], transposedConvolution),
  ...alike(["AvgPool", "AvgPool3D"], pooling("AveragePool")),
  ...alike(["MaxPool", "MaxPool3D"], pooling("MaxPool")),
  DepthwiseConv2dNative: depthwise,
  Dilation2D: dilation,
  LRN: localResponse,
};
