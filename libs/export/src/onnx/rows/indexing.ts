import { type Dim, isFixed } from "../../model/dims.ts";
import type { OnnxCall } from "../onnx-call.ts";
import { onnxInt, onnxString } from "../onnx-graph.ts";
import { plainOrder } from "../orders.ts";
import { alike, type OnnxRow, type OnnxRows } from "../row.ts";

function int64(call: OnnxCall, index: number): string {
  const name = call.input(index);
  return call.dtype(index) === "int64" ? name : call.cast(name, "int64");
}

const gather: OnnxRow = (call) => {
  const rank = call.rank(0);
  const [axis] = call.axes(2, rank) as [number];
  const given = call.attribute("batch_dims", "int", 0);
  const numBatchDims = given < 0 ? given + call.rank(1) : given;
  if (numBatchDims === 0) return call.emit("Gather", [call.input(0), call.input(1)], { axis: onnxInt(axis) });
  // `GatherND` takes of the axis right after those of the batch: it is moved there, and what it gives is moved back.
  const between = plainOrder(axis).slice(numBatchDims);
  const after = plainOrder(rank).slice(axis + 1);
  const batch = plainOrder(numBatchDims);
  const moved = call.transposed(call.input(0), [...batch, axis, ...between, ...after]);
  const indices = call.emit("Unsqueeze", [int64(call, 1), call.constants([call.rank(1)])]);
  const taken = call.emit("GatherND", [moved, indices], { batch_dims: onnxInt(numBatchDims) });
  const numTaken = call.rank(1) - numBatchDims;
  const places = plainOrder(numTaken + between.length + after.length).map((place) => numBatchDims + place);
  const back = [...places.slice(numTaken, numTaken + between.length), ...places.slice(0, numTaken)];
  return call.transposed(taken, [...batch, ...back, ...places.slice(numTaken + between.length)]);
};

/** Rows of indices; a vector is as many rows of one number. */
function indexRows(call: OnnxCall, index: number): string {
  const dims = call.dims(index);
  const name = int64(call, index);
  return dims.length === 1 ? call.reshaped(name, [dims[0]!, 1]) : name;
}

function scatter(into: (call: OnnxCall) => string, places: number, updates: number, reduction: string): OnnxRow {
  return (call) =>
    call.emit("ScatterND", [into(call), indexRows(call, places), call.input(updates)], {
      reduction: onnxString(reduction),
    });
}

const zeros = (call: OnnxCall): string => call.filled(call.scalar(0, call.outputDtype()), call.outputDims(0));
const first = (call: OnnxCall): string => call.input(0);

const segmentSum: OnnxRow = (call) => {
  const places = call.emit("Unsqueeze", [int64(call, 1), call.constants([call.rank(1)])]);
  return call.emit("ScatterND", [zeros(call), places, call.input(0)], { reduction: onnxString("add") });
};

const sparseToDense: OnnxRow = (call) => {
  const places = call.dims(0);
  const rank = call.node.outputs[0]!.shape.length;
  const numPlaces: Dim = places.length === 0 ? 1 : places[0]!;
  const rows = call.reshaped(int64(call, 0), [numPlaces, rank]);
  const values = call.filled(call.input(2), [numPlaces]);
  const others = call.filled(call.input(3), call.outputDims(0));
  return call.emit("ScatterND", [others, rows, values]);
};

/** Where `indices` along a new axis at the end are 0, 1, ... */
function isIndex(call: OnnxCall, index: number, axis: number, depth: number): string {
  const rank = call.rank(index) + 1;
  const dtype = call.dtype(index);
  const column = call.emit("Unsqueeze", [call.input(index), call.constants([axis])]);
  const shape = plainOrder(rank).map((each) => (each === axis ? depth : 1));
  const numbers = call.constants(plainOrder(depth), shape, dtype === "int64" ? "int64" : "int32");
  return call.emit("Equal", [column, dtype === "int64" || dtype === "int32" ? numbers : call.cast(numbers, dtype)]);
}

const oneHot: OnnxRow = (call) => {
  const axis = call.attribute("axis", "int", -1);
  const rank = call.rank(0) + 1;
  const isOn = isIndex(call, 0, axis < 0 ? axis + rank : axis, call.int(1));
  return call.emit("Where", [isOn, call.input(2), call.input(3)]);
};

/** Counts, or sums of weights, of the values below the size. */
const bincount: OnnxRow = (call) => {
  const dtype = call.outputDtype();
  const isValue = call.cast(isIndex(call, 0, call.rank(0), call.int(1)), dtype);
  const isWeighed = call.type(2).shape[0] !== 0;
  const weighed = isWeighed
    ? call.emit("Mul", [isValue, call.emit("Unsqueeze", [call.input(2), call.constants([1])])])
    : isValue;
  return call.emit("ReduceSum", [weighed, call.constants([0])], { keepdims: onnxInt(0) });
};

const topK: OnnxRow = (call) => {
  const [values, places] = call.emitAll("TopK", [call.input(0), call.constants([call.int(1)])], {}, 2) as [
    string,
    string,
  ];
  return [values, call.outputDtype(1) === "int64" ? places : call.cast(places, call.outputDtype(1))];
};

const diagonal: OnnxRow = (call) => {
  const dims = call.dims(0);
  const sizes = dims.map((_, axis) => call.fixedSize(0, axis));
  const size = sizes.reduce((product, each) => product * each, 1);
  const isOn = Uint8Array.from({ length: size * size }, (_, place) => (place % (size + 1) === 0 ? 1 : 0));
  const mask = call.tensor({ type: { dtype: "bool", shape: [size, size] }, read: () => isOn });
  const column = call.reshaped(call.input(0), [size, 1]);
  const square = call.emit("Where", [mask, column, call.scalar(0, call.dtype(0))]);
  return call.reshaped(square, [...dims, ...dims]);
};

/** The longer of two shapes, where each axis has the size that is not 1. */
const broadcastShapes: OnnxRow = (call) => {
  const rank = call.node.outputs[0]!.shape[0]!;
  const [a, b] = [0, 1].map((index) => {
    const missing = rank - call.fixedSize(index, 0);
    if (missing === 0) return call.input(index);
    const ones = call.constants(
      Array.from({ length: missing }, () => 1),
      [missing],
      "int32",
    );
    return call.emit("Concat", [ones, call.input(index)], { axis: onnxInt(0) });
  }) as [string, string];
  return call.emit("Where", [call.emit("Equal", [a, call.scalar(1, call.dtype(0))]), b, a]);
};

const gatherNd: OnnxRow = (call) => {
  const dims = call.dims(0);
  const depth = call.fixedSize(1, -1);
  if (depth === 0 || dims.slice(0, depth).some((dim) => !isFixed(dim))) call.fail("takes places along the batch");
  return call.emit("GatherND", [call.input(0), int64(call, 1)]);
};

/** Ops that read or write where other values say. */
export const indexingRows: OnnxRows = {
  ...alike(["TensorScatterAdd"], scatter(first, 1, 2, "add")),
  ...alike(["TensorScatterUpdate"], scatter(first, 1, 2, "none")),
  Bincount: bincount,
  BroadcastArgs: broadcastShapes,
  Diag: diagonal,
  GatherNd: gatherNd,
  GatherV2: gather,
  OneHot: oneHot,
  ScatterNd: scatter(zeros, 0, 1, "add"),
  SparseToDense: sparseToDense,
  TopKV2: topK,
  UnsortedSegmentSum: segmentSum,
};
