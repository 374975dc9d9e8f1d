import { attributeOr, axisOf, format, type OpCall, product } from "./row.ts";

/** A window that slides along one axis. */
interface Window {
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
  /** Zeros before and after, of EXPLICIT padding. */
  readonly padding: readonly [number, number];
}

/**
 * Number of places that a window takes along an axis of `inputSize` values
 * (`GetWindowedOutputSizeVerbose` of TensorFlow's `framework/common_shape_fns.cc`).
 */
function outputSize(call: OpCall, inputSize: number, { size, stride, dilation, padding }: Window): number {
  if (stride < 1 || dilation < 1) call.fail(`needs positive strides and dilations, has ${stride} and ${dilation}`);
  const kind = call.string("padding");
  if (kind === "SAME") return Math.ceil(inputSize / stride);
  if (kind !== "VALID" && kind !== "EXPLICIT") call.fail(`has the padding ${kind}, not SAME, VALID or EXPLICIT`);
  const padded = inputSize + (kind === "EXPLICIT" ? padding[0] + padding[1] : 0);
  const places = Math.trunc((padded - (size - 1) * dilation - 1 + stride) / stride);
  if (places < 0) call.fail(`has a window of ${(size - 1) * dilation + 1} over ${padded} values`);
  return places === 0 ? 0 : places; // never -0
}

/** EXPLICIT padding of one axis; zeros for the other kinds. */
function explicitPadding(call: OpCall, axis: number, rank: number): readonly [number, number] {
  if (call.string("padding") !== "EXPLICIT") return [0, 0];
  const paddings = call.ints("explicit_paddings");
  if (paddings.length !== 2 * rank) call.fail(`needs ${2 * rank} explicit paddings, has ${paddings.length}`);
  return [paddings[2 * axis]!, paddings[2 * axis + 1]!];
}

/** Shape after pooling `input`: the attributes give the window on each axis. */
export function pooledShape(call: OpCall, input: readonly number[]): readonly number[] {
  const [sizes, strides] = [call.ints("ksize"), call.ints("strides")];
  if (sizes.length !== input.length || strides.length !== input.length) {
    call.fail(`has a window of ${sizes.length} and strides of ${strides.length} for ${input.length} dimensions`);
  }
  return input.map((size, axis) =>
    outputSize(call, size, {
      size: sizes[axis]!,
      stride: strides[axis]!,
      dilation: 1,
      padding: explicitPadding(call, axis, input.length),
    }),
  );
}

export interface Convolution {
  /** Shape of the input, in the order that `data_format` says. */
  readonly input: readonly number[];
  /** Shape of the filter: the spatial axes, then input channels, then output channels (a channel, if depthwise). */
  readonly filter: readonly number[];
  readonly depthwise?: boolean;
}

/** Shape after a convolution over the spatial axes of `input`, of which there are two or three. */
export function convolvedShape(call: OpCall, { input, filter, depthwise = false }: Convolution): readonly number[] {
  const rank = input.length;
  if (filter.length !== rank || rank < 4) call.fail(`convolves ${format(input)} with a filter of ${format(filter)}`);
  const isChannelsFirst = attributeOr(call, "data_format", "string", "NHWC").startsWith("NC");
  const channelAxis = axisOf(call, isChannelsFirst ? 1 : -1, rank);
  const strides = call.ints("strides");
  const dilations = attributeOr(
    call,
    "dilations",
    "ints",
    input.map(() => 1),
  );
  const [filterDepth, multiplier] = [filter[rank - 2]!, filter[rank - 1]!];
  const inputDepth = input[channelAxis]!;
  // A convolution with fewer input channels in its filter works on groups of channels.
  const fits = depthwise ? filterDepth === inputDepth : filterDepth > 0 && inputDepth % filterDepth === 0;
  if (!fits) call.fail(`has ${inputDepth} channels in its input and ${filterDepth} in its filter`);
  if (strides.length !== rank || dilations.length !== rank) call.fail(`needs ${rank} strides and dilations`);
  return input.map((size, axis) => {
    if (axis === 0) return size;
    if (axis === channelAxis) return depthwise ? product([filterDepth, multiplier]) : multiplier;
    const numPlaces = outputSize(call, size, {
      size: filter[axis - (isChannelsFirst ? 2 : 1)]!,
      stride: strides[axis]!,
      dilation: dilations[axis]!,
      padding: explicitPadding(call, axis, rank),
    });
    // oneDNN gives an empty result the shape of the input.
    if (numPlaces === 0 && size > 0) call.fail(`has a filter larger than its input along axis ${axis}`);
    return numPlaces;
  });
}

/** Shape of `Dilation2D`: its filter has a value for each channel. */
export function dilatedShape(call: OpCall): readonly number[] {
  const [input, filter] = [call.input(0).shape, call.input(1).shape];
  const [strides, rates] = [call.ints("strides"), call.ints("rates")];
  if (input.length !== 4 || filter.length !== 3 || strides.length !== 4 || rates.length !== 4) {
    call.fail(`dilates ${format(input)} with a filter of ${format(filter)}`);
  }
  if (input[3] !== filter[2]) call.fail(`has ${input[3]} channels in its input and ${filter[2]} in its filter`);
  return input.map((size, axis) =>
    axis === 0 || axis === 3
      ? size
      : outputSize(call, size, {
          size: filter[axis - 1]!,
          stride: strides[axis]!,
          dilation: rates[axis]!,
          padding: [0, 0],
        }),
  );
}
