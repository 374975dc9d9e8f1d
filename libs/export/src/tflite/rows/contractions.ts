import { sizeOf } from "@anneal/graph";
import { type Dim, isFixed } from "../../model/dims.ts";
import { table } from "../flatbuffer.ts";
import { alike, type TfliteRow, type TfliteRows } from "../row.ts";
import type { TfliteCall } from "../tflite-call.ts";
import type { TfliteTensor } from "../tflite-graph.ts";

/** A matrix by a weight `[out, in]`, with a bias of zeros: what adds one later puts it in its place. */
const matMul: TfliteRow = (call) => {
  const [isFirstSwapped, isSecondSwapped] = ["transpose_a", "transpose_b"].map((name) =>
    call.attribute(name, "bool", false),
  );
  const isKnown = call.source(1) !== null && call.dtype(0) === "float32";
  if (!isKnown) return stacked(call, isFirstSwapped!, isSecondSwapped!);
  const weights = call.permutedInput(1, isSecondSwapped ? [0, 1] : [1, 0]);
  const input = call.permutedInput(0, isFirstSwapped ? [1, 0] : [0, 1]);
  const numOutputs = call.node.outputs[0]!.shape[1]!;
  const bias = call.tensor({
    type: { dtype: "float32", shape: [numOutputs] },
    read: () => new Float32Array(numOutputs),
  });
  const options = table("FullyConnectedOptions", {});
  return call.emit("FULLY_CONNECTED", [input, weights, bias], { options, dims: call.outputDims() });
};

function stacked(call: TfliteCall, adjX: boolean, adjY: boolean): TfliteTensor {
  const [a, b] = [call.input(0), call.input(1)];
  if (a.dtype !== "float32") call.fail(`takes ${a.dtype}`);
  return call.emit("BATCH_MATMUL", [a, b], {
    options: table("BatchMatMulOptions", { adjX, adjY }),
    dims: call.outputDims(),
  });
}

const batchMatMul: TfliteRow = (call) => {
  call.requireRank(5, call.input(0), call.input(1));
  return stacked(call, call.attribute("adj_x", "bool", false), call.attribute("adj_y", "bool", false));
};

/** Letters of an axis that one operand alone has and the result does not are summed up; the rest is a product of stacks of matrices. */
const einsum: TfliteRow = (call) => {
  const inputs = call.inputs();
  if (inputs.some((input) => input.dtype !== "float32")) call.fail("takes whole numbers");
  if (call.node.inputs.some((_, index) => sizeOf(call.type(index).shape) === 0)) call.fail("has an empty input");
  const equation = call.attribute("equation", "string", "").replaceAll(" ", "");
  const [left, result] = equation.split("->") as [string, string];
  const letters = left.split(",").map((part) => [...part]);
  if (equation.includes(".") || letters.some((part) => new Set(part).size !== part.length))
    return call.fail(`has the equation ${equation}`);
  const operands = inputs.map((tensor, index): Labelled => ({ tensor, letters: letters[index]! }));
  const elsewhere = (index: number) =>
    new Set([...result, ...letters.flatMap((part, other) => (other === index ? [] : part))]);
  const reduced = operands.map((operand, index) => summed(call, operand, elsewhere(index)));
  const [a, b] = reduced as [Labelled, Labelled | undefined];
  return ordered(call, b === undefined ? a : productOf(call, a, b, [...result]), [...result]);
};

interface Labelled {
  readonly tensor: TfliteTensor;
  readonly letters: readonly string[];
}

function summed(call: TfliteCall, { tensor, letters }: Labelled, kept: ReadonlySet<string>): Labelled {
  const axes = letters.flatMap((letter, axis) => (kept.has(letter) ? [] : [axis]));
  if (axes.length === 0) return { tensor, letters };
  const dims = tensor.dims.filter((_, axis) => !axes.includes(axis));
  const options = table("ReducerOptions", { keepDims: false });
  return {
    tensor: call.emit("SUM", [tensor, call.constants(axes)], { dims, options }),
    letters: letters.filter((letter) => kept.has(letter)),
  };
}

function ordered(call: TfliteCall, { tensor, letters }: Labelled, wanted: readonly string[]): TfliteTensor {
  return call.transposed(
    tensor,
    wanted.map((letter) => letters.indexOf(letter)),
  );
}

function productOf(call: TfliteCall, a: Labelled, b: Labelled, result: readonly string[]): Labelled {
  const sizes = new Map(
    [a, b].flatMap(({ tensor, letters }) => letters.map((letter, axis) => [letter, tensor.dims[axis]!])),
  );
  const inBoth = a.letters.filter((letter) => b.letters.includes(letter));
  const batch = inBoth.filter((letter) => result.includes(letter));
  const folded = inBoth.filter((letter) => !result.includes(letter));
  const rows = a.letters.filter((letter) => !inBoth.includes(letter));
  const columns = b.letters.filter((letter) => !inBoth.includes(letter));
  const sizesOf = (letters: readonly string[]) => letters.map((letter) => sizes.get(letter)!);
  const whole = (letters: readonly string[]) => product(call, sizesOf(letters));
  const stack = batch.length === 0 ? [] : [whole(batch)];
  const matrixOf = (operand: Labelled, first: readonly string[], second: readonly string[]) =>
    call.reshaped(ordered(call, operand, [...batch, ...first, ...second]), [...stack, whole(first), whole(second)]);
  const options = table("BatchMatMulOptions", {});
  const multiplied = call.emit("BATCH_MATMUL", [matrixOf(a, rows, folded), matrixOf(b, folded, columns)], {
    options,
    dims: [...stack, whole(rows), whole(columns)],
  });
  const letters = [...batch, ...rows, ...columns];
  return { tensor: call.reshaped(multiplied, sizesOf(letters)), letters };
}

function product(call: TfliteCall, dims: readonly Dim[]): Dim {
  return dims.reduce((all: Dim, dim) => {
    if (isFixed(all)) return isFixed(dim) ? all * dim : { perSample: dim.perSample * all };
    return isFixed(dim) ? { perSample: all.perSample * dim } : call.fail("has two axes that grow with the batch");
  }, 1);
}

/** Matrix products. */
export const contractionRows: TfliteRows = {
  ...alike(["BatchMatMul", "BatchMatMulV2"], batchMatMul),
  MatMul: matMul,
  Einsum: einsum,
};
