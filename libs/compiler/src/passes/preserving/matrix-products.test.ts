import type { Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { matrixProducts } from "./matrix-products.ts";
import { simplifyMovement } from "./simplify-movement.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const input = (shape: readonly number[]) => ({
  type: { dtype: "float32", shape } as const,
  values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => Math.sin(index + 1)),
});
const inputs = { a: input([2, 3, 4]), b: input([2, 3, 4]), w: input([4, 5]), m: input([3, 4]) };
const computing = (ops: readonly string[]) => ops.filter((op) => !["Const", "Placeholder", "Reshape"].includes(op));
type Tensors = Readonly<Record<string, Tensor>>;

describe("matrix products", () => {
  test("a dense layer and its gradients are products of matrices, also on sequences", () => {
    const { a, w } = inputs;
    const graph = traceFunction(tf, { a, w }, (t) => {
      const f = (x: Tensor, kernel: Tensor) =>
        x.reshape([6, 4]).matMul(kernel).reshape([2, 3, 5]).square().sum() as never;
      const [da, dw] = tf.grads(f)([t.a!, t.w!]);
      return { da: da!, dw: dw! };
    });
    const after = expectSameNumbers(tensorflow, graph, { a, w }, [matrixProducts]);
    expect(opsOf(graph).filter((op) => op === "BatchMatMulV2")).toHaveLength(3);
    expect(opsOf(after).filter((op) => op === "MatMul")).toHaveLength(3);
    expect(opsOf(after)).not.toContain("BatchMatMulV2");
  });

  test.each<[string, (t: Tensors) => Tensor, readonly string[]]>([
    ["matrices", (t) => t.m!.matMul(t.w!), ["MatMul"]],
    ["transposes of matrices", (t) => t.w!.transpose().matMul(t.m!.transpose()), ["MatMul"]],
    ["a transpose that is undone", (t) => t.m!.transpose().matMul(t.w!, true, false), ["MatMul"]],
    ["a batch of one", (t) => t.m!.reshape([1, 3, 4]).matMul(t.w!.reshape([1, 4, 5])), ["MatMul"]],
    ["a batch against one matrix", (t) => t.a!.matMul(t.w!.reshape([1, 4, 5])), ["MatMul"]],
    ["a batch against a batch", (t) => t.a!.matMul(t.b!, false, true), ["BatchMatMulV2"]],
    ["transposes in a batch", (t) => t.a!.transpose([0, 2, 1]).matMul(t.b!), ["BatchMatMulV2"]],
    [
      "another transpose",
      (t) => t.a!.transpose([1, 0, 2]).matMul(t.b!.transpose([1, 2, 0])),
      ["BatchMatMulV2", "Transpose", "Transpose"],
    ],
    ["a transposed batch against one matrix", (t) => t.a!.matMul(t.m!.reshape([1, 3, 4]), true), ["BatchMatMulV2"]],
  ])("%s", (_name, body, ops) => {
    const graph = traceFunction(tf, inputs, (t) => ({ y: body(t) }));
    const after = expectSameNumbers(tensorflow, graph, inputs, [simplifyMovement, matrixProducts, simplifyMovement]);
    expect(computing(opsOf(after))).toEqual(ops);
  });
});
