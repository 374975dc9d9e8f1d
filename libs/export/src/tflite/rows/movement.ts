import { type Dim, isFixed } from "../../model/dims.ts";
import { table } from "../flatbuffer.ts";
import { alike, type TfliteRow, type TfliteRows } from "../row.ts";
import { tfliteMirrorPadMode } from "../schema/tflite-schema.ts";
import type { AxisRange, TfliteCall } from "../tflite-call.ts";
import type { TfliteTensor } from "../tflite-graph.ts";

/** Another shape of the same values: the graph says which. */
const reshape: TfliteRow = (call) => call.reshaped(call.input(0), call.outputDims());

const transpose: TfliteRow = (call) => {
  const order = call.axes(1, call.rank(0));
  if (call.source(0) === null && call.rank(0) > 6) call.fail("has more than 6 axes");
  return call.permutedInput(0, order);
};

const slice: TfliteRow = (call) => {
  const input = call.input(0);
  call.requireRank(5, input);
  const dims = call.outputDims();
  if (dims.length === 0) return input;
  if (!call.isKnown(1)) return call.emit("SLICE", [input, call.input(1), call.shape(dims)], { dims });
  const begins = call.ints(1);
  // -1 is all that is left: the whole batch.
  const sizes = dims.map((size, axis) => {
    if (isFixed(size) && isFixed(input.dims[axis]!)) return size;
    return begins[axis] === 0 && !isFixed(size) ? -1 : call.fail("cuts the batch");
  });
  return call.emit("SLICE", [input, call.constants(begins), call.constants(sizes)], { dims });
};

/** Slices by a list of places (see the op table's rule), then drops and adds axes of size 1. */
const stridedSlice: TfliteRow = (call) => {
  const input = call.input(0);
  const { dims } = input;
  call.requireRank(5, input);
  // Runtimes take an end that is 0 for an open one.
  if (call.outputDims().includes(0)) call.fail("takes nothing");
  const [begins, ends, strides] = [call.ints(1), call.dimsGiven(2), call.ints(3)];
  const isSet = (mask: string, place: number) => ((call.attribute(mask, "int", 0) >> place) & 1) === 1;
  const ranges: AxisRange[] = [];
  let axis = 0;
  for (const [place, stride] of strides.entries()) {
    if (isSet("ellipsis_mask", place)) {
      const later = strides.keys().filter((other) => other > place && !isSet("new_axis_mask", other));
      axis = Math.max(axis, dims.length - [...later].length);
      continue;
    }
    if (isSet("new_axis_mask", place)) continue;
    const dim = dims[axis]!;
    const [isOpenFrom, isOpenTo] = [isSet("begin_mask", place), isSet("end_mask", place)];
    const given = ends[place]!;
    const isWhole =
      (isOpenFrom || begins[place] === 0) && (isOpenTo || !isFixed(given) || given === dim) && stride === 1;
    if (isWhole && !isSet("shrink_axis_mask", place)) {
      axis += 1;
      continue;
    }
    if (!isFixed(dim) || !isFixed(given)) return call.fail("cuts the batch");
    ranges.push({ axis, ...rangeOf(dim, { from: begins[place]!, to: given, step: stride }, place) });
    axis += 1;
  }
  return call.reshaped(call.sliced(input, ranges), call.outputDims());

  function rangeOf(size: number, { from, to, step }: { from: number; to: number; step: number }, place: number) {
    if (isSet("shrink_axis_mask", place)) {
      const index = from < 0 ? from + size : from;
      return { from: index, to: index + 1, step: 1 };
    }
    // Going backwards the first index may be size - 1 and the end lies before index 0.
    const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
    const clamp = (bound: number) => Math.min(Math.max(bound < 0 ? bound + size : bound, low), high);
    const first = isSet("begin_mask", place) ? (step > 0 ? low : high) : clamp(from);
    const last = isSet("end_mask", place) ? (step > 0 ? high : low) : clamp(to);
    return { from: first, to: last, step };
  }
};

/** Paddings as pairs of an axis each. */
function marginsOf(call: TfliteCall): readonly (readonly [number, number])[] {
  const sizes = call.ints(1);
  return Array.from({ length: sizes.length / 2 }, (_, axis) => [sizes[2 * axis]!, sizes[2 * axis + 1]!]);
}

const pad: TfliteRow = (call) => {
  const input = call.input(0);
  call.requireRank(5, input);
  return call.padded(input, marginsOf(call), call.numInputs > 2 ? call.input(2) : undefined);
};

const mirrorPad: TfliteRow = (call) => {
  const isReflection = call.attribute("mode", "string", "REFLECT") === "REFLECT";
  const options = table("MirrorPadOptions", {
    mode: isReflection ? tfliteMirrorPadMode.REFLECT : tfliteMirrorPadMode.SYMMETRIC,
  });
  const margins = marginsOf(call);
  const sizes = call.constants(margins.flat(), [margins.length, 2]);
  return call.emit("MIRROR_PAD", [call.input(0), sizes], { dims: call.outputDims(), options });
};

const tile: TfliteRow = (call) =>
  call.emit("TILE", [call.input(0), call.constants(call.ints(1))], { dims: call.outputDims() });

/** One axis after another: kernels differ in how many they take at once. */
const reverse: TfliteRow = (call) =>
  call
    .axes(1, call.rank(0))
    .reduce(
      (tensor, axis) => call.emit("REVERSE_V2", [tensor, call.constants([axis])], { dims: tensor.dims }),
      call.input(0),
    );

const broadcastTo: TfliteRow = (call) => {
  const dims = call.outputDims();
  if (dims.length === 0) return call.input(0);
  return call.emit("BROADCAST_TO", [call.input(0), call.shape(dims)], { dims });
};

const concatenate: TfliteRow = (call) => {
  const last = call.numInputs - 1;
  const [axis] = call.axes(last, call.rank(0));
  const parts = Array.from({ length: last }, (_, index) => call.input(index));
  return call.concatenated(parts, axis!);
};

function axisAttribute(call: TfliteCall, rank: number): number {
  const axis = call.attribute("axis", "int", 0);
  return axis < 0 ? axis + rank : axis;
}

const pack: TfliteRow = (call) => {
  const axis = axisAttribute(call, call.rank(0) + 1);
  const options = table("PackOptions", { axis, valuesCount: call.numInputs });
  return call.emit("PACK", call.inputs(), { dims: call.outputDims(), options });
};

const unpack: TfliteRow = (call) => {
  const axis = axisAttribute(call, call.rank(0));
  const num = call.fixedSize(0, axis);
  const options = table("UnpackOptions", { axis, num });
  return call.emitAll("UNPACK", [call.input(0)], typesOf(call), options);
};

function typesOf(call: TfliteCall) {
  return call.node.outputs.map((_, index) => ({ dtype: call.outputDtype(index), dims: call.outputDims(index) }));
}

function splitAlong(call: TfliteCall, index: number, axis: number): readonly TfliteTensor[] {
  const input = call.input(index);
  if (!isFixed(input.dims[axis]!)) call.fail("cuts the batch");
  const sizes = call.node.outputs.map(({ shape }) => shape[axis]!);
  if (sizes.length === 1) return [input];
  const options = table("SplitVOptions", { numSplits: sizes.length });
  const inputs = [input, call.constants(sizes), call.constants([axis], [])];
  return call.emitAll("SPLIT_V", inputs, typesOf(call), options);
}

const linSpace: TfliteRow = (call) => {
  const num = call.int(2);
  const shares = Float32Array.from({ length: num }, (_, index) => (num === 1 ? 0 : index / (num - 1)));
  const steps = call.tensor({ type: { dtype: "float32", shape: [num] }, read: () => shares });
  const [first, last] = [call.input(0), call.input(1)];
  return call.emit("ADD", [first, call.emit("MUL", [call.emit("SUB", [last, first]), steps])]);
};

const range: TfliteRow = (call) => {
  const { dtype, shape } = call.node.outputs[0]!;
  if (dtype !== "float32" && dtype !== "int32") return call.fail(`counts in ${dtype}`);
  const sources = [call.source(0), call.source(2)];
  const [first, step] = sources.map((source) => Number((source ?? call.fail("is not known beforehand")).read()[0]));
  const values = Array.from({ length: shape[0]! }, (_, index) => first! + index * step!);
  const read = () => (dtype === "float32" ? Float32Array.from(values) : Int32Array.from(values));
  return call.tensor({ type: { dtype, shape }, read });
};

/** A value for each place of a shape that may grow. */
const fill: TfliteRow = (call) => call.filled(call.input(1), call.outputDims() satisfies readonly Dim[]);

/** Ops that copy values to another place or shape. */
export const movementRows: TfliteRows = {
  ...alike(["ExpandDims", "Reshape", "Squeeze"], reshape),
  ...alike(["Pad", "PadV2"], pad),
  BroadcastTo: broadcastTo,
  ConcatV2: concatenate,
  Fill: fill,
  LinSpace: linSpace,
  MirrorPad: mirrorPad,
  Pack: pack,
  Range: range,
  ReverseV2: reverse,
  Slice: slice,
  Split: (call) => splitAlong(call, 1, call.axes(0, call.rank(1))[0]!),
  SplitV: (call) => splitAlong(call, 0, call.axes(2, call.rank(0))[0]!),
  StridedSlice: stridedSlice,
  Tile: tile,
  Transpose: transpose,
  Unpack: unpack,
};
