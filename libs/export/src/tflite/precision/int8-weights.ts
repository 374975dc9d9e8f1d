import type { TfliteGraph, TfliteOp, TfliteOpName, TfliteTensor } from "../tflite-graph.ts";
import { floatsOf, isLargeWeight, mapInputs } from "./map-weights.ts";

/** Ops that take weights of 8 bits beside inputs in float32, and the axis of the weights that their outputs lie on. */
const outputAxes: Partial<Record<TfliteOpName, number>> = {
  CONV_2D: 0,
  DEPTHWISE_CONV_2D: 3,
  FULLY_CONNECTED: 0,
};

/** The largest number of a symmetric format: -128 would have no opposite. */
const most = 127;
/** Float32 has no scale for smaller weights. */
const smallest = 1e-30;

/**
 * Weights as int8 with a scale for each output; activations stay in float32 and are brought to 8 bits by the runtime as it multiplies
 * ("dynamic range").
 */
export function withInt8Weights(graph: TfliteGraph): TfliteGraph {
  const known = new Map<TfliteTensor, TfliteTensor>();
  const isWeights = (op: TfliteOp, index: number) => index === 1 && outputAxes[op.op] !== undefined;
  // A weight that is also taken as it is stays what it is.
  const elsewhere = new Set(
    graph.ops.flatMap((op) => op.inputs.filter((tensor, index) => tensor !== null && !isWeights(op, index))),
  );
  const quantized = mapInputs(graph, (weight, op, index) => {
    if (!isWeights(op, index) || !isLargeWeight(weight) || elsewhere.has(weight)) return weight;
    const found = known.get(weight) ?? quantizeWeight(weight, outputAxes[op.op]!);
    known.set(weight, found);
    return found;
  });
  const isQuantized = ({ inputs }: TfliteOp) => inputs[1]?.dtype === "int8";
  return { ...quantized, ops: quantized.ops.map((op) => (isQuantized(op) ? withOddInputs(op) : op)) };
}

/** Inputs may lie anywhere around zero, as they do after an activation. */
function withOddInputs(op: TfliteOp): TfliteOp {
  if (op.op !== "FULLY_CONNECTED") return op;
  const options = op.options!;
  return { ...op, options: { ...options, fields: { ...options.fields, asymmetricQuantizeInputs: true } } };
}

/** Whole numbers from -127 to 127, each index along `axis` with the scale that its largest weight needs. */
export function quantizeWeight(weight: TfliteTensor, axis: number): TfliteTensor {
  const sizes = weight.dims.map(Number);
  const numChannels = sizes[axis]!;
  const inner = sizes.slice(axis + 1).reduce((product, size) => product * size, 1);
  const channelOf = (place: number): number => Math.floor(place / inner) % numChannels;
  const largest = new Float32Array(numChannels);
  floatsOf(weight).forEach((value, place) => {
    const channel = channelOf(place);
    largest[channel] = Math.max(largest[channel]!, Math.abs(value));
  });
  // Of a channel of zeros any scale is right, and none is as small as what comes next.
  const scales = largest.map((size) => (size < smallest ? 1 : size / most));
  const read = (): Uint8Array => {
    const whole = Int8Array.from(floatsOf(weight), (value, place) => {
      return Math.max(-most, Math.min(most, Math.round(value / scales[channelOf(place)]!)));
    });
    return new Uint8Array(whole.buffer);
  };
  return { ...weight, dtype: "int8", read, quantization: { scales, zeroPoints: Array.from(scales, () => 0), axis } };
}
