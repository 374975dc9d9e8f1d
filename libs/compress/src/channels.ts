/** How the channels of a tensor lie in memory. */
export interface ChannelLayout {
  readonly numChannels: number;
  /** Values of a channel that lie next to each other. */
  readonly innerSize: number;
}

/** Symmetric: -128 would have no opposite. */
const most = 127;
const mostOfBias = 2 ** 31 - 1;
const leastSize = 1e-30;

export function channelLayout(shape: readonly number[], axis: number): ChannelLayout {
  const innerSize = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  return { numChannels: shape[axis]!, innerSize };
}

/** The scale that each channel's largest weight needs in int8, float32 `[numChannels]`. */
export function channelScales(values: Float32Array, { numChannels, innerSize }: ChannelLayout): Float32Array {
  const largest = new Float32Array(numChannels);
  for (let place = 0; place < values.length; place++) {
    const channel = Math.floor(place / innerSize) % numChannels;
    largest[channel] = Math.max(largest[channel]!, Math.abs(values[place]!));
  }
  // Of a channel of zeros any scale is right.
  return largest.map((size) => (size < leastSize ? 1 : size / most));
}

/** Weights as int8, -127 to 127, in the layout that they have. */
export function quantizeChannels(
  values: Float32Array,
  scales: Float32Array,
  { numChannels, innerSize }: ChannelLayout,
): Int8Array {
  return Int8Array.from(values, (value, place) => {
    const whole = Math.round(value / scales[Math.floor(place / innerSize) % numChannels]!);
    return Math.max(-most, Math.min(most, whole));
  });
}

/**
 * Scales of weights at which a bias, which has the scale of inputs times that of weights, is an int32: a channel of tiny weights
 * beside a bias that is not gets a coarser scale.
 */
export function scalesForBias(scales: Float32Array, bias: Float32Array, inputScale: number): Float32Array {
  return scales.map((scale, channel) => Math.max(scale, Math.abs(bias[channel]!) / (inputScale * mostOfBias * 0.99)));
}

/** A bias as int32, each channel by its own scale. */
export function quantizeBias(bias: Float32Array, scales: Float32Array): Int32Array {
  return Int32Array.from(bias, (value, channel) => Math.round(value / scales[channel]!));
}
