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

/**
 * The inputs of a sum over letters, each with as many axes for "..." as the one that has most: ONNX Runtime reads beyond the shape of
 * one that has fewer.
 */
function evenInputs(call: OnnxCall, equation: string): readonly string[] {
  const terms = equation.replaceAll(" ", "").split("->")[0]!.split(",");
  const more = terms.map((term, index) =>
    term.includes("...") ? call.rank(index) - term.replace("...", "").length : null,
  );
  const most = Math.max(0, ...more.map((rank) => rank ?? 0));
  return terms.map((term, index) => {
    const missing = more[index] === null ? 0 : most - more[index]!;
    if (missing === 0) return call.input(index);
    const at = term.indexOf("...");
    const dims = call.dims(index);
    return call.reshaped(call.input(index), [
      ...dims.slice(0, at),
      ...Array.from({ length: missing }, () => 1),
      ...dims.slice(at),
    ]);
  });
}

const einsum: OnnxRow = (call) => {
  const equation = call.attribute("equation", "string", "");
  const inputs = evenInputs(call, equation);
  // Products of nothing are sums of nothing, which runtimes stumble over.
  if (call.node.inputs.some((_, index) => sizeOf(call.type(index).shape) === 0)) call.fail("has an empty input");
  return call.emit("Einsum", inputs, { equation: onnxString(equation) });
};

/** Matrix products. */
export const contractionRows: OnnxRows = {
  MatMul: product(["transpose_a", "transpose_b"]),
  BatchMatMul: product(["adj_x", "adj_y"]),
  BatchMatMulV2: product(["adj_x", "adj_y"]),
  Einsum: einsum,
};
