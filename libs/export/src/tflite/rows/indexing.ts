import { type Dim, isFixed } from "../../model/dims.ts";
import { table } from "../flatbuffer.ts";
import type { TfliteRow, TfliteRows } from "../row.ts";
import type { TfliteCall } from "../tflite-call.ts";
import type { TfliteTensor } from "../tflite-graph.ts";
import { selected } from "./elementwise.ts";

const gather: TfliteRow = (call) => {
  const [axis] = call.axes(2, call.rank(0)) as [number];
  const given = call.attribute("batch_dims", "int", 0);
  const batchDims = given < 0 ? given + call.rank(1) : given;
  const options = table("GatherOptions", { axis, batchDims });
  return call.emit("GATHER", [call.input(0), call.input(1)], { dims: call.outputDims(), options });
};

const gatherNd: TfliteRow = (call) => {
  const dims = call.dims(0);
  const depth = call.fixedSize(1, -1);
  if (depth === 0 || dims.slice(0, depth).some((dim) => !isFixed(dim))) call.fail("takes places along the batch");
  return call.emit("GATHER_ND", [call.input(0), call.input(1)], { dims: call.outputDims() });
};

/** Rows of indices, int32; a vector is as many rows of one number. */
function indexRows(call: TfliteCall, index: number): TfliteTensor {
  const dims = call.dims(index);
  const rows = call.cast(call.input(index), "int32");
  return dims.length === 1 ? call.reshaped(rows, [dims[0]!, 1]) : rows;
}

/** Sums of what falls on each place, and 0 elsewhere. */
function scattered(call: TfliteCall, places: TfliteTensor, updates: TfliteTensor, dims: readonly Dim[]): TfliteTensor {
  return call.emit("SCATTER_ND", [places, updates, call.shape(dims)], { dims, dtype: updates.dtype });
}

const scatterAdd: TfliteRow = (call) => {
  const input = call.input(0);
  call.requireRank(4, input);
  return call.emit("ADD", [input, scattered(call, indexRows(call, 1), call.input(2), input.dims)]);
};

/** Where something falls it is what falls there: places are to be different, as TensorFlow wants them to be as well. */
const scatterUpdate: TfliteRow = (call) => {
  const input = call.input(0);
  call.requireRank(4, input);
  const places = indexRows(call, 1);
  const updates = call.input(2);
  const ones = call.filled(call.scalar(1, "int32"), updates.dims);
  const numHits = scattered(call, places, ones, input.dims);
  const isHit = call.emit("GREATER", [numHits, call.scalar(0, "int32")], { dtype: "bool" });
  return selected(call, isHit, scattered(call, places, updates, input.dims), input);
};

const scatterNd: TfliteRow = (call) => scattered(call, indexRows(call, 0), call.input(1), call.outputDims());

const segmentSum: TfliteRow = (call) => {
  const ids = call.cast(call.input(1), "int32");
  const isSingle = ids.dims.length === 0;
  const places = call.reshaped(ids, isSingle ? [1, 1] : [...ids.dims, 1]);
  const updates = call.input(0);
  const parts = isSingle ? call.reshaped(updates, [1, ...updates.dims]) : updates;
  return scattered(call, places, parts, call.outputDims());
};

const sparseToDense: TfliteRow = (call) => {
  const dims = call.outputDims();
  const values = call.input(2);
  const places = call.dims(0);
  const numPlaces: Dim = places.length === 0 ? 1 : places[0]!;
  const rows = call.reshaped(call.cast(call.input(0), "int32"), [numPlaces, dims.length]);
  const all = call.type(2).shape.length === 0 ? call.filled(values, [numPlaces]) : values;
  const ones = call.filled(call.scalar(1, "int32"), [numPlaces]);
  const isHit = call.emit("GREATER", [scattered(call, rows, ones, dims), call.scalar(0, "int32")], { dtype: "bool" });
  return selected(call, isHit, scattered(call, rows, all, dims), call.input(3));
};

function oneHotOf(call: TfliteCall, places: TfliteTensor, on: TfliteTensor, off: TfliteTensor, dims: readonly Dim[]) {
  const options = table("OneHotOptions", { axis: call.attribute("axis", "int", -1) });
  const depth = call.scalar(call.int(1), "int32");
  return call.emit("ONE_HOT", [places, depth, on, off], { dims, dtype: on.dtype, options });
}

const oneHot: TfliteRow = (call) => {
  const places = call.cast(call.input(0), "int32");
  return oneHotOf(call, places, call.input(2), call.input(3), call.outputDims());
};

/** Counts, or sums of weights, of the values below the size. */
const bincount: TfliteRow = (call) => {
  const dtype = call.outputDtype();
  const places = call.input(0);
  const count = places.dims[0]!;
  const size = call.int(1);
  const hits = oneHotOf(call, places, call.scalar(1, dtype), call.scalar(0, dtype), [count, size]);
  const isWeighed = call.type(2).shape[0] !== 0;
  const weighed = isWeighed ? call.emit("MUL", [hits, call.reshaped(call.input(2), [count, 1])]) : hits;
  return call.emit("SUM", [weighed, call.constants([0])], { dims: [size], options: table("ReducerOptions", {}) });
};

const topK: TfliteRow = (call) => {
  const types = [
    { dtype: call.outputDtype(0), dims: call.outputDims(0) },
    { dtype: "int32" as const, dims: call.outputDims(1) },
  ];
  const [values, places] = call.emitAll(
    "TOPK_V2",
    [call.input(0), call.scalar(call.int(1), "int32")],
    types,
    undefined,
  );
  return [values!, call.cast(places!, call.outputDtype(1))];
};

const diagonal: TfliteRow = (call) => {
  const dims = call.dims(0);
  const size = dims.reduce((product: number, _, axis) => product * call.fixedSize(0, axis), 1);
  const isOn = Uint8Array.from({ length: size * size }, (_, place) => (place % (size + 1) === 0 ? 1 : 0));
  const mask = call.tensor({ type: { dtype: "bool", shape: [size, size] }, read: () => isOn });
  const column = call.reshaped(call.input(0), [size, 1]);
  const square = selected(call, mask, column, call.scalar(0, call.dtype(0)));
  return call.reshaped(square, [...dims, ...dims]);
};

const broadcastShapes: TfliteRow = (call) =>
  call.emit("BROADCAST_ARGS", [call.input(0), call.input(1)], { dims: call.outputDims() });

/** Ops that read or write where other values say. */
export const indexingRows: TfliteRows = {
  Bincount: bincount,
  BroadcastArgs: broadcastShapes,
  Diag: diagonal,
  GatherNd: gatherNd,
  GatherV2: gather,
  OneHot: oneHot,
  ScatterNd: scatterNd,
  SparseToDense: sparseToDense,
  TensorScatterAdd: scatterAdd,
  TensorScatterUpdate: scatterUpdate,
  TopKV2: topK,
  UnsortedSegmentSum: segmentSum,
};
