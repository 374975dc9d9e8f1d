import { makeGraph, placeholder, reduce, simpleCall } from "@anneal/graph";
import type { Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { biasAdd } from "./bias-add.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const input = (shape: readonly number[]) => ({
  type: { dtype: "float32", shape } as const,
  values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => Math.sin(index + 1)),
});
const inputs = { x: input([2, 3, 4]), v: input([4]) };
const fed = placeholder("x", inputs.x.type);
const biases = (ops: readonly string[]) => ops.filter((op) => op.startsWith("Bias"));

describe("bias add", () => {
  test("the bias of a layer and its gradient have ops of their own", () => {
    const f = (x: Tensor, v: Tensor) => x.add(v).square().sum() as never;
    const graph = traceFunction(tf, inputs, (t) => {
      const { value, grads } = tf.valueAndGrads(f)([t.x!, t.v!]);
      return { y: value, dx: grads[0]!, dv: grads[1]! };
    });
    const after = expectSameNumbers(tensorflow, graph, inputs, [biasAdd]);
    expect(biases(opsOf(after))).toEqual(["BiasAdd", "BiasAddGrad"]);
    // What is left is the loss.
    expect(opsOf(after).filter((op) => op === "Sum")).toHaveLength(1);
  });

  test("the bias may come first, or with axes of size 1 before its own", () => {
    const graph = traceFunction(tf, inputs, (t) => ({ y: t.v!.add(t.x!), z: t.x!.add(t.v!.reshape([1, 1, 4])) }));
    expect(biases(opsOf(expectSameNumbers(tensorflow, graph, inputs, [biasAdd])))).toEqual(["BiasAdd", "BiasAdd"]);
  });

  test("rows that were reshaped have the sum that they had", () => {
    const graph = traceFunction(tf, inputs, (t) => ({ y: t.x!.square().reshape([6, 4]).sum(0, true) }));
    const after = expectSameNumbers(tensorflow, graph, inputs, [biasAdd]);
    const gradient = after.nodes.find(({ op }) => op === "BiasAddGrad")!;
    expect(gradient.inputs[0]!.node.op).toBe("Square");
  });

  const int = placeholder("i", { dtype: "int32", shape: [2, 4] });
  test.each([
    ["one along another axis", simpleCall("Add", [fed, placeholder("o", { dtype: "float32", shape: [3, 1] })])],
    ["a row for each batch", simpleCall("Add", [fed, placeholder("o", { dtype: "float32", shape: [2, 1, 4] })])],
    [
      "a matrix of one row to another",
      simpleCall("Add", [
        placeholder("v", { dtype: "float32", shape: [1, 4] }),
        placeholder("o", { dtype: "float32", shape: [1, 4] }),
      ]),
    ],
    ["integers", simpleCall("Add", [int, placeholder("o", { dtype: "int32", shape: [4] })])],
    [
      "vectors",
      simpleCall("Add", [placeholder("v", inputs.v.type), placeholder("o", { dtype: "float32", shape: [4] })]),
    ],
    ["sums over the last axis", reduce("Sum", fed, { axes: [0, 2] })],
    ["sums over some axes", reduce("Sum", fed, { axes: [1] })],
    ["sums of integers", reduce("Sum", int, { axes: [0] })],
    ["means", reduce("Mean", fed, { axes: [0, 1] })],
  ])("leaves %s", (_name, y) => {
    const graph = makeGraph({ y });
    expect(opsOf(biasAdd.run(graph))).toEqual(opsOf(graph));
  });
});
