import type { Dim } from "../../model/dims.ts";
import type { OnnxCall } from "../onnx-call.ts";
import { type OnnxDtype, onnxInt } from "../onnx-graph.ts";
import { isPlain, type Order, plainOrder } from "../orders.ts";
import { type OnnxResult, type OnnxRow, type OnnxRows, renamed } from "../row.ts";

/** The axes of memory in `order` that are these axes of the value. */
function inMemory(axes: readonly number[], order: Order): readonly number[] {
  return axes.map((axis) => order.indexOf(axis)).sort((a, b) => a - b);
}

/** What is left of an order without the axes that a reduction folded; kept axes keep their place. */
function orderOfRest(order: Order, axes: readonly number[], keepsDims: boolean): Order {
  if (keepsDims) return order;
  const left = order.filter((axis) => !axes.includes(axis));
  const sorted = [...left].sort((a, b) => a - b);
  return left.map((axis) => sorted.indexOf(axis));
}

function reduction(onnxOp: string, through?: { readonly as: OnnxDtype }): OnnxRow {
  return (call) => {
    const axes = call.axes(1, call.rank(0));
    const order = call.orderOf(0);
    const name = call.inputIn(0, order);
    if (axes.length === 0) return { name, order };
    const keepsDims = call.attribute("keep_dims", "bool", false);
    const taken = through === undefined ? name : call.cast(name, through.as);
    const attributes = { keepdims: onnxInt(keepsDims ? 1 : 0) };
    const folded = call.emit(onnxOp, [taken, call.constants(inMemory(axes, order))], attributes);
    const result = through === undefined ? folded : call.cast(folded, call.outputDtype());
    const rest = orderOfRest(order, axes, keepsDims);
    return isPlain(rest) ? result : { name: result, order: rest };
  };
}

function argument(onnxOp: string): OnnxRow {
  return (call) => {
    const [axis] = call.axes(1, call.rank(0));
    const found = call.emit(onnxOp, [call.input(0)], { axis: onnxInt(axis!), keepdims: onnxInt(0) });
    return call.outputDtype() === "int64" ? found : call.cast(found, call.outputDtype());
  };
}

const cumulativeSum: OnnxRow = (call) => {
  const flag = (name: string) => onnxInt(call.attribute(name, "bool", false) ? 1 : 0);
  return call.emit("CumSum", [call.input(0), call.constants([call.int(1)], [])], {
    exclusive: flag("exclusive"),
    reverse: flag("reverse"),
  });
};

/** Product after product: no runtime that we know has the op. */
const cumulativeProduct: OnnxRow = (call) => {
  const [axis] = call.axes(1, call.rank(0));
  const size = call.fixedSize(0, axis!);
  const isReverse = call.attribute("reverse", "bool", false);
  const isExclusive = call.attribute("exclusive", "bool", false);
  const input = call.input(0);
  const part = (place: number) => call.sliced(input, [{ axis: axis!, from: place, to: place + 1 }]);
  const places = plainOrder(size);
  const results: string[] = [];
  let product: string | null = null;
  for (const place of isReverse ? places.toReversed() : places) {
    const before: string | null = product;
    product = before === null ? part(place) : call.emit("Mul", [before, part(place)]);
    results.push(isExclusive ? (before ?? onesLikePart(call, axis!)) : product);
  }
  return call.emit("Concat", isReverse ? results.toReversed() : results, { axis: onnxInt(axis!) });
};

function onesLikePart(call: OnnxCall, axis: number): string {
  const dims: readonly Dim[] = call.dims(0).map((dim, index) => (index === axis ? 1 : dim));
  return call.filled(call.scalar(1, call.dtype(0)), dims);
}

/** Half the sum of the squares. */
const l2Loss = (call: OnnxCall): OnnxResult => {
  const squares = call.emit("ReduceSumSquare", [call.input(0)], { keepdims: onnxInt(0) });
  return { name: call.emit("Mul", [squares, call.scalar(0.5, call.dtype(0))]) };
};

/** Ops that fold an axis, or sum along one. */
export const reductionRows: OnnxRows = {
  ...renamed({ Max: "ReduceMax", Mean: "ReduceMean", Min: "ReduceMin", Prod: "ReduceProd", Sum: "ReduceSum" }, (op) =>
    reduction(op),
  ),
  ...renamed({ All: "ReduceMin", Any: "ReduceMax" }, (op) => reduction(op, { as: "int32" })),
  ...renamed({ ArgMax: "ArgMax", ArgMin: "ArgMin" }, argument),
  Cumprod: cumulativeProduct,
  Cumsum: cumulativeSum,
  L2Loss: l2Loss,
};
