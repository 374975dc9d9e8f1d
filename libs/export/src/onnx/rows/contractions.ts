import { sizeOf } from "@anneal/graph";
import type { OnnxCall } from "../onnx-call.ts";
import { onnxString } from "../onnx-graph.ts";
import { plainOrder } from "../orders.ts";
import type { OnnxRow, OnnxRows } from "../row.ts";

/** A matrix, or a stack of them, with the last two axes swapped. */
function swapped(call: OnnxCall, index: number): string {
  const rank = call.rank(index);
  return call.inputIn(index, [...plainOrder(rank - 2), rank - 1, rank - 2]);
}

function product([first, second]: readonly [string, string]): OnnxRow {
  return (call) => {
    const operand = (index: number, attribute: string) =>
      call.attribute(attribute, "bool", false) ? swapped(call, index) : call.input(index);
    return call.emit("MatMul", [operand(0, first), operand(1, second)]);
  };
}

const einsum: OnnxRow = (call) => {
  const inputs = call.inputs();
  // Products of nothing are sums of nothing, which runtimes stumble over.
  if (call.node.inputs.some((_, index) => sizeOf(call.type(index).shape) === 0)) call.fail("has an empty input");
  return call.emit("Einsum", inputs, { equation: onnxString(call.attribute("equation", "string", "")) });
};

/** Matrix products. */
export const contractionRows: OnnxRows = {
  MatMul: product(["transpose_a", "transpose_b"]),
  BatchMatMul: product(["adj_x", "adj_y"]),
  BatchMatMulV2: product(["adj_x", "adj_y"]),
  Einsum: einsum,
};
