import { type Dim, isFixed } from "../../model/dims.ts";
import { reshapeSource } from "../../model/tensor-source.ts";
import { table } from "../flatbuffer.ts";
import type { TfliteRow, TfliteRows } from "../row.ts";
import { tflitePadding } from "../schema/tflite-schema.ts";
import type { TfliteCall } from "../tflite-call.ts";
import type { TfliteOpName, TfliteTensor } from "../tflite-graph.ts";

/** How a window slides along the axes of an image or a volume, all of which lie between the batch and the channels. */
interface Windows {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** What the op's own rule for margins is. */
  readonly padding: number;
  /** Margins that it has no rule for, before and after each axis. */
  readonly margins: readonly (readonly [number, number])[];
}

/** Of what lies between the batch and the channels. */
function spatial<T>(values: readonly T[]): readonly T[] {
  return values.slice(1, -1);
}

function windowsOf(call: TfliteCall): Windows {
  if (call.attribute("data_format", "string", "NHWC").startsWith("NC")) call.fail("has its channels first");
  const strides = spatial(call.attribute("strides", "ints", []));
  const given = call.attribute("dilations", "ints", []);
  const rule = call.attribute("padding", "string", "VALID");
  const explicit = call.attribute("explicit_paddings", "ints", []);
  const none = [0, 0] as const;
  return {
    strides,
    dilations: given.length === 0 ? strides.map(() => 1) : spatial(given),
    padding: rule === "SAME" ? tflitePadding.SAME : tflitePadding.VALID,
    margins: strides.map((_, axis) =>
      rule === "EXPLICIT" ? [explicit[2 * (axis + 1)]!, explicit[2 * (axis + 1) + 1]!] : none,
    ),
  };
}

function withMargins(call: TfliteCall, image: TfliteTensor, { margins }: Windows): TfliteTensor {
  return call.padded(image, [[0, 0], ...margins, [0, 0]]);
}

/** Where a bias goes that is added later (`BiasAdd`). */
function noBias(call: TfliteCall, numChannels: number): TfliteTensor {
  return call.tensor({
    type: { dtype: "float32", shape: [numChannels] },
    read: () => new Float32Array(numChannels),
  });
}

function stepsOf({ strides, dilations, padding }: Windows) {
  const [strideH, strideW] = strides;
  const [dilationHFactor, dilationWFactor] = dilations;
  return {
    padding,
    strideH: strideH!,
    strideW: strideW!,
    dilationHFactor: dilationHFactor!,
    dilationWFactor: dilationWFactor!,
  };
}

const convolution: TfliteRow = (call) => {
  const windows = windowsOf(call);
  // [height, width, in, out] to [out, height, width, in].
  const filter = call.permutedInput(1, [3, 0, 1, 2]);
  const inputs = [withMargins(call, call.input(0), windows), filter, noBias(call, call.type(1).shape[3]!)];
  return call.emit("CONV_2D", inputs, {
    dims: call.outputDims(),
    options: table("Conv2DOptions", stepsOf(windows)),
  });
};

/** A filter for each channel, which makes `depthMultiplier` of it: [height, width, in, multiplier] to [1, height, width, in * multiplier]. */
const depthwise: TfliteRow = (call) => {
  const windows = windowsOf(call);
  const [height, width, numChannels, depthMultiplier] = call.type(1).shape as [number, number, number, number];
  const shape = [1, height, width, numChannels * depthMultiplier];
  const source = call.source(1);
  const filter =
    source === null
      ? call.reshaped(call.input(1), shape)
      : call.derived(1, "depthwise", () => reshapeSource(source, shape));
  const image = withMargins(call, call.input(0), windows);
  return call.emit("DEPTHWISE_CONV_2D", [image, filter, noBias(call, shape[3]!)], {
    dims: call.outputDims(),
    options: table("DepthwiseConv2DOptions", { ...stepsOf(windows), depthMultiplier }),
  });
};

function volumeSteps({ strides, dilations, padding }: Windows) {
  const [strideD, strideH, strideW] = strides as [number, number, number];
  const [dilationDFactor, dilationHFactor, dilationWFactor] = dilations as [number, number, number];
  const steps = { strideD, strideH, strideW, dilationDFactor, dilationHFactor, dilationWFactor };
  return table("Conv3DOptions", { padding, ...steps });
}

const convolution3d: TfliteRow = (call) => {
  const windows = windowsOf(call);
  const [, , , numInputs, numOutputs] = call.type(1).shape as [number, number, number, number, number];
  if (call.fixedSize(0, -1) !== numInputs) call.fail("has groups of channels");
  const image = withMargins(call, call.input(0), windows);
  return call.emit("CONV_3D", [image, call.input(1), noBias(call, numOutputs)], {
    dims: call.outputDims(),
    options: volumeSteps(windows),
  });
};

/** The gradient of a convolution by its input is what models call a transposed convolution. */
const transposedConvolution: TfliteRow = (call) => {
  const windows = windowsOf(call);
  if (windows.dilations.some((rate) => rate !== 1)) call.fail("is dilated");
  if (windows.margins.flat().some((margin) => margin !== 0)) call.fail("has margins of its own");
  const [, , numOutputs] = call.type(1).shape as [number, number, number, number];
  const dims = call.outputDims();
  if (dims.at(-1) !== numOutputs) call.fail("has groups of channels");
  const { padding, strideH, strideW } = stepsOf(windows);
  // [height, width, out, in] to [out, height, width, in].
  const filter = call.permutedInput(1, [2, 0, 1, 3]);
  return call.emit("TRANSPOSE_CONV", [call.shape(dims), filter, call.input(2)], {
    dims,
    dtype: "float32",
    options: table("TransposeConvOptions", { padding, strideH, strideW }),
  });
};

const transposedConvolution3d: TfliteRow = (call) => {
  const windows = windowsOf(call);
  const dims = call.outputDims();
  if (dims.at(-1) !== call.type(1).shape[3]) call.fail("has groups of channels");
  return call.emit("CONV_3D_TRANSPOSE", [call.shape(dims), call.input(1), call.input(2)], {
    dims,
    dtype: "float32",
    options: volumeSteps(windows),
  });
};

interface Pooling {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly padding: number;
}

/** A pool over two axes of an image; `dims` is what it makes. */
function pooled(
  call: TfliteCall,
  op: TfliteOpName,
  image: TfliteTensor,
  { sizes, strides, padding, dims }: Pooling & { readonly dims: readonly Dim[] },
): TfliteTensor {
  const [filterHeight, filterWidth] = sizes as [number, number];
  const [strideH, strideW] = strides as [number, number];
  const options = table("Pool2DOptions", { padding, strideH, strideW, filterHeight, filterWidth });
  return call.emit(op, [image], { dims, options });
}

function poolingOf(call: TfliteCall): Pooling {
  const { strides, padding, margins } = windowsOf(call);
  const ksize = call.attribute("ksize", "ints", []);
  if (ksize.at(0) !== 1 || ksize.at(-1) !== 1) call.fail("pools over the batch or the channels");
  if (margins.flat().some((margin) => margin !== 0)) call.fail("has margins of its own");
  return { sizes: spatial(ksize), strides, padding };
}

function pooling(op: TfliteOpName): TfliteRow {
  return (call) => {
    const image = call.input(0);
    if (image.dtype !== "float32") call.fail(`takes ${image.dtype}`);
    return pooled(call, op, image, { ...poolingOf(call), dims: call.outputDims() });
  };
}

/** Height and width first, then depth: means of means of as many values each, and the largest of the largest. */
function pooling3d(op: TfliteOpName): TfliteRow {
  return (call) => {
    const { sizes, strides, padding } = poolingOf(call);
    const [batch, depth, height, width, numChannels] = call.dims(0) as [Dim, number, number, number, number];
    const [, newDepth, newHeight, newWidth] = call.outputDims() as [Dim, number, number, number];
    const slices = isFixed(batch) ? batch * depth : { perSample: batch.perSample * depth };
    const flat = pooled(call, op, call.reshaped(call.input(0), [slices, height, width, numChannels]), {
      sizes: sizes.slice(1),
      strides: strides.slice(1),
      padding,
      dims: [slices, newHeight, newWidth, numChannels],
    });
    const columns = call.reshaped(flat, [batch, depth, newHeight * newWidth, numChannels]);
    const whole = pooled(call, op, columns, {
      sizes: [sizes[0]!, 1],
      strides: [strides[0]!, 1],
      padding,
      dims: [batch, newDepth, newHeight * newWidth, numChannels],
    });
    return call.reshaped(whole, call.outputDims());
  };
}

/** The largest sum of a window and the filter, one place of the filter after another. */
const dilation: TfliteRow = (call) => {
  const [height, width, numChannels] = call.type(1).shape as [number, number, number];
  const strides = spatial(call.attribute("strides", "ints", []));
  const rates = spatial(call.attribute("rates", "ints", []));
  const sizes = [call.fixedSize(0, 1), call.fixedSize(0, 2)];
  const isSame = call.attribute("padding", "string", "VALID") === "SAME";
  const extents = [(height - 1) * rates[0]! + 1, (width - 1) * rates[1]! + 1];
  const numPlaces = spatial(call.node.outputs[0]!.shape);
  const margins = sizes.map((size, axis): readonly [number, number] => {
    const missing = isSame ? Math.max(0, (numPlaces[axis]! - 1) * strides[axis]! + extents[axis]! - size) : 0;
    return [Math.floor(missing / 2), Math.ceil(missing / 2)];
  });
  const lowest = call.scalar(-3.4028234663852886e38);
  const padded = call.padded(call.input(0), [[0, 0], ...margins, [0, 0]], lowest);
  let largest: TfliteTensor | null = null;
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
      const sum: TfliteTensor = call.emit("ADD", [call.sliced(padded, ranges), call.reshaped(part, [numChannels])]);
      largest = largest === null ? sum : call.emit("MAXIMUM", [largest, sum]);
    }
  }
  return largest ?? call.fail("has an empty filter");
};

const localResponse: TfliteRow = (call) => {
  const options = table("LocalResponseNormalizationOptions", {
    radius: call.attribute("depth_radius", "int", 5),
    bias: call.attribute("bias", "float", 1),
    alpha: call.attribute("alpha", "float", 1),
    beta: call.attribute("beta", "float", 0.5),
  });
  return call.emit("LOCAL_RESPONSE_NORMALIZATION", [call.input(0)], { options });
};

/** Ops that slide a window. */
export const windowRows: TfliteRows = {
  AvgPool: pooling("AVERAGE_POOL_2D"),
  AvgPool3D: pooling3d("AVERAGE_POOL_2D"),
  Conv2D: convolution,
  Conv2DBackpropInput: transposedConvolution,
  Conv3D: convolution3d,
  Conv3DBackpropInputV2: transposedConvolution3d,
  DepthwiseConv2dNative: depthwise,
  Dilation2D: dilation,
  LRN: localResponse,
  MaxPool: pooling("MAX_POOL_2D"),
  MaxPool3D: pooling3d("MAX_POOL_2D"),
};
