import type { Dim } from "../../model/dims.ts";
import { table } from "../flatbuffer.ts";
import { renamed, type TfliteRow, type TfliteRows } from "../row.ts";
import { tfliteTensorType } from "../schema/tflite-schema.ts";
import type { TfliteOpName, TfliteTensor } from "../tflite-graph.ts";

function reduction(op: TfliteOpName): TfliteRow {
  return (call) => {
    const input = call.input(0);
    const axes = call.axes(1, input.dims.length);
    if (axes.length === 0) return input;
    const options = table("ReducerOptions", { keepDims: call.attribute("keep_dims", "bool", false) });
    return call.emit(op, [input, call.constants(axes)], { dims: call.outputDims(), options });
  };
}

function argument(op: "ARG_MAX" | "ARG_MIN"): TfliteRow {
  return (call) => {
    const isLong = call.outputDtype() === "int64";
    const outputType = isLong ? tfliteTensorType.INT64 : tfliteTensorType.INT32;
    const options = table(op === "ARG_MAX" ? "ArgMaxOptions" : "ArgMinOptions", { outputType });
    const input = call.input(0);
    const [axis] = call.axes(1, input.dims.length);
    const dtype = isLong ? "int64" : "int32";
    const found = call.emit(op, [input, call.constants([axis!])], { dims: call.outputDims(), dtype, options });
    return call.cast(found, call.outputDtype());
  };
}

const cumulativeSum: TfliteRow = (call) => {
  const [input, axis] = [call.input(0), call.axes(1, call.rank(0))[0]!];
  const flag = (name: string) => call.attribute(name, "bool", false);
  const options = table("CumsumOptions", { exclusive: flag("exclusive"), reverse: flag("reverse") });
  return call.emit("CUMSUM", [input, call.constants([axis], [])], { dims: input.dims, options });
};

/** Product after product: the format has no such op. */
const cumulativeProduct: TfliteRow = (call) => {
  const [axis] = call.axes(1, call.rank(0)) as [number];
  const size = call.fixedSize(0, axis);
  const isReverse = call.attribute("reverse", "bool", false);
  const isExclusive = call.attribute("exclusive", "bool", false);
  const input = call.input(0);
  call.requireRank(4, input);
  const part = (place: number) => call.sliced(input, [{ axis, from: place, to: place + 1 }]);
  const ones = () => {
    const dims: readonly Dim[] = input.dims.map((dim, index) => (index === axis ? 1 : dim));
    return call.filled(call.scalar(1, input.dtype), dims);
  };
  const places = Array.from({ length: size }, (_, place) => (isReverse ? size - 1 - place : place));
  const results: TfliteTensor[] = [];
  let product: TfliteTensor | null = null;
  for (const place of places) {
    const before: TfliteTensor | null = product;
    product = before === null ? part(place) : call.emit("MUL", [before, part(place)]);
    results.push(isExclusive ? (before ?? ones()) : product);
  }
  return call.concatenated(isReverse ? results.toReversed() : results, axis);
};

/** Half the sum of the squares. */
const l2Loss: TfliteRow = (call) => {
  const input = call.input(0);
  call.requireRank(4, input);
  const squares = call.emit("MUL", [input, input]);
  const axes = call.constants([...input.dims.keys()]);
  const sum =
    input.dims.length === 0
      ? squares
      : call.emit("SUM", [squares, axes], { dims: [], options: table("ReducerOptions", {}) });
  return call.emit("MUL", [sum, call.scalar(0.5)]);
};

/** Ops that fold an axis, or sum along one. */
export const reductionRows: TfliteRows = {
  ...renamed(
    {
      All: "REDUCE_ALL",
      Any: "REDUCE_ANY",
      Max: "REDUCE_MAX",
      Mean: "MEAN",
      Min: "REDUCE_MIN",
      Prod: "REDUCE_PROD",
      Sum: "SUM",
    } as const,
    reduction,
  ),
  ArgMax: argument("ARG_MAX"),
  ArgMin: argument("ARG_MIN"),
  Cumprod: cumulativeProduct,
  Cumsum: cumulativeSum,
  L2Loss: l2Loss,
};
