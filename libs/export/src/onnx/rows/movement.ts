import { type Dim, isFixed } from "../../model/dims.ts";
import { permuteSource } from "../../model/tensor-source.ts";
import type { OnnxCall } from "../onnx-call.ts";
import { onnxInt, onnxString } from "../onnx-graph.ts";
import { inOrder, orderAfter, plainOrder } from "../orders.ts";
import { alike, type OnnxResult, type OnnxRow, type OnnxRows } from "../row.ts";

/** Another shape of the same values: the graph says which. */
const reshape: OnnxRow = (call) => call.reshaped(call.input(0), call.outputDims(0));

/** No value is moved before somebody needs it in its place. */
const transpose: OnnxRow = (call) => {
  const permutation = call.axes(1, call.rank(0));
  const source = call.source(0);
  if (source !== null) return call.tensor(permuteSource(source, permutation));
  const order = call.orderOf(0);
  return { name: call.inputIn(0, order), order: orderAfter(order, permutation) };
};

const slice: OnnxRow = (call) => {
  if (!call.isKnown(1)) return sliceFrom(call);
  const order = call.orderOf(0);
  const name = call.inputIn(0, order);
  const [dims, result] = [call.dims(0), call.outputDims(0)];
  const begins = call.ints(1);
  const ranges = dims.flatMap((dim, axis) => {
    const [from, size] = [begins[axis]!, result[axis]!];
    if (!isFixed(size) || !isFixed(dim)) return from === 0 ? [] : call.fail("cuts the batch");
    return from === 0 && size === dim ? [] : [{ axis: order.indexOf(axis), from, to: from + size }];
  });
  return { name: call.sliced(name, ranges), order };
};

/** From a place that is computed. */
function sliceFrom(call: OnnxCall): string {
  const begins = call.cast(call.input(1), "int64");
  const ends = call.emit("Add", [begins, call.shape(call.outputDims(0))]);
  return call.emit("Slice", [call.input(0), begins, ends, call.constants(plainOrder(call.rank(0)))]);
}

/** Slices by a list of places (see the op table's rule), then drops and adds axes of size 1. */
const stridedSlice: OnnxRow = (call) => {
  // Where it begins beyond an end, ONNX goes to that end and takes a value.
  if (call.outputDims(0).includes(0)) call.fail("takes nothing");
  const dims = call.dims(0);
  const [begins, ends, strides] = [call.ints(1), call.dimsGiven(2), call.ints(3)];
  const isSet = (mask: string, place: number) => ((call.attribute(mask, "int", 0) >> place) & 1) === 1;
  const ranges: { axis: number; from: number; to: number; step: number }[] = [];
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
  return call.reshaped(call.sliced(call.input(0), ranges), call.outputDims(0));

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
    // -1 would be the last place; this is what lies before the first.
    return { from: first, to: last < 0 ? -size - 1 : last, step };
  }
};

const pad: OnnxRow = (call) => {
  const order = call.orderOf(0);
  const paddings = call.ints(1);
  if (paddings.every((size) => size === 0)) return { name: call.inputIn(0, order), order };
  const side = (which: number) => inOrder(plainOrder(order.length), order).map((axis) => paddings[2 * axis + which]!);
  const value = call.numInputs > 2 ? call.input(2) : call.scalar(0, call.dtype(0));
  const inputs = [call.inputIn(0, order), call.constants([...side(0), ...side(1)]), value];
  return { name: call.emit("Pad", inputs, { mode: onnxString("constant") }), order };
};

/** ONNX has no padding that repeats the border itself: places are taken by number. */
const mirrorPad: OnnxRow = (call) => {
  const paddings = call.ints(1);
  const skips = call.attribute("mode", "string", "REFLECT") === "REFLECT" ? 1 : 0;
  return plainOrder(call.rank(0)).reduce((name, axis) => {
    const [before, after] = [paddings[2 * axis]!, paddings[2 * axis + 1]!];
    if (before === 0 && after === 0) return name;
    const size = call.fixedSize(0, axis);
    const places = Array.from({ length: before + size + after }, (_, index) => {
      const place = index - before;
      if (place < 0) return -place - 1 + skips;
      return place < size ? place : 2 * size - place - 1 - skips;
    });
    return call.emit("Gather", [name, call.constants(places)], { axis: onnxInt(axis) });
  }, call.input(0));
};

const tile: OnnxRow = (call) => call.emit("Tile", [call.input(0), call.constants(call.ints(1))]);

const reverse: OnnxRow = (call) => {
  const ranges = call.axes(1, call.rank(0)).map((axis) => ({ axis, from: -1, to: -(2 ** 31), step: -1 }));
  return call.sliced(call.input(0), ranges);
};

/** An axis that has its size already is asked to be 1: that fits whatever the batch is. */
const broadcastTo: OnnxRow = (call) => {
  const [dims, result] = [call.dims(0), call.outputDims(0)];
  const shape = result.map((size, axis): Dim => {
    const own = dims[axis - result.length + dims.length];
    return own === undefined || own === 1 ? size : 1;
  });
  return call.emit("Expand", [call.input(0), call.shape(shape)]);
};

const concatenate: OnnxRow = (call) => {
  const last = call.numInputs - 1;
  const indices = plainOrder(last);
  const rank = call.rank(0);
  const [axis] = call.axes(last, rank);
  if (last === 1) return call.input(0);
  const { order, names } = call.broadcast(indices);
  return { name: call.emit("Concat", names, { axis: onnxInt(order.indexOf(axis!)) }), order };
};

function axisAttribute(call: OnnxCall, rank: number): number {
  const axis = call.attribute("axis", "int", 0);
  return axis < 0 ? axis + rank : axis;
}

const pack: OnnxRow = (call) => {
  const axis = axisAttribute(call, call.rank(0) + 1);
  const parts = call.inputs().map((name) => call.emit("Unsqueeze", [name, call.constants([axis])]));
  return parts.length === 1 ? parts[0]! : call.emit("Concat", parts, { axis: onnxInt(axis) });
};

const unpack: OnnxRow = (call) => {
  const axis = axisAttribute(call, call.rank(0));
  const parts = splitParts(
    call,
    call.input(0),
    axis,
    plainOrder(call.fixedSize(0, axis)).map(() => 1),
  );
  return parts.map((part) => call.emit("Squeeze", [part, call.constants([axis])]));
};

function splitParts(call: OnnxCall, name: string, axis: number, sizes: readonly number[]): readonly string[] {
  if (sizes.length === 1) return [name];
  return call.emitAll("Split", [name, call.constants(sizes)], { axis: onnxInt(axis) }, sizes.length);
}

function splitAlong(call: OnnxCall, index: number, axis: number): readonly OnnxResult[] {
  const order = call.orderOf(index);
  const sizes = call.node.outputs.map(({ shape }) => shape[axis]!);
  if (!isFixed(call.dims(index)[axis]!)) call.fail("cuts the batch");
  const parts = splitParts(call, call.inputIn(index, order), order.indexOf(axis), sizes);
  return parts.map((name) => ({ name, order }));
}

const linSpace: OnnxRow = (call) => {
  const num = call.int(2);
  const shares = Float32Array.from({ length: num }, (_, index) => (num === 1 ? 0 : index / (num - 1)));
  const steps = call.tensor({ type: { dtype: "float32", shape: [num] }, read: () => shares });
  const [first, last] = [call.input(0), call.input(1)];
  return call.emit("Add", [first, call.emit("Mul", [steps, call.emit("Sub", [last, first])])]);
};

/** All of its inputs are known, so it is a constant: how many values there are is a matter of rounding, which the graph has settled. */
const range: OnnxRow = (call) => {
  const { dtype, shape } = call.node.outputs[0]!;
  const [first, , step] = [0, 1, 2].map((index) => Number(call.source(index)!.read()[0])) as [number, number, number];
  const values = Array.from({ length: shape[0]! }, (_, index) => first + index * step);
  const read = () => (dtype === "float32" ? Float32Array.from(values) : Int32Array.from(values));
  return call.tensor({ type: { dtype, shape }, read });
};

/** Ops that copy values to another place or shape. */
export const movementRows: OnnxRows = {
  ...alike(["ExpandDims", "Reshape", "Squeeze"], reshape),
  ...alike(["Pad", "PadV2"], pad),
  BroadcastTo: broadcastTo,
  ConcatV2: concatenate,
  Fill: (call) => call.filled(call.input(1), call.outputDims(0)),
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
