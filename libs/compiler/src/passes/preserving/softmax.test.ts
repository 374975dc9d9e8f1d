import type { Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { commonSubexpressions } from "./common-subexpressions.ts";
import { simplifyMovement } from "./simplify-movement.ts";
import { softmax } from "./softmax.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const values = Float32Array.from({ length: 24 }, (_, index) => 3 * Math.sin(index + 1));
const x = { type: { dtype: "float32", shape: [2, 3, 4] }, values } as const;
const prepared = [simplifyMovement, commonSubexpressions];
const computing = (ops: readonly string[]) => ops.filter((op) => op !== "Const" && op !== "Placeholder");

describe("softmax", () => {
  test.each<[string, (x: Tensor) => Tensor]>([
    ["tf.logSoftmax", (t) => t.logSoftmax()],
    ["x - logSumExp(x)", (t) => t.sub(t.logSumExp(-1, true))],
    ["x - logSumExp(x), without the axis in between", (t) => t.sub(t.logSumExp(-1).reshape([2, 3, 1]))],
  ])("%s is one op", (_name, body) => {
    const graph = traceFunction(tf, { x }, (t) => ({ y: body(t.x!) }));
    expect(computing(opsOf(expectSameNumbers(tensorflow, graph, { x }, [...prepared, softmax])))).toEqual([
      "LogSoftmax",
    ]);
  });

  test("its exponential is the softmax", () => {
    const graph = traceFunction(tf, { x }, (t) => ({ y: t.x!.logSoftmax().exp() }));
    expect(computing(opsOf(expectSameNumbers(tensorflow, graph, { x }, [...prepared, softmax])))).toEqual(["Softmax"]);
  });

  test.each<[string, (x: Tensor) => Tensor]>([
    ["another axis", (t) => t.sub(t.logSumExp(1, true))],
    ["two axes", (t) => t.sub(t.logSumExp([1, 2], true))],
    ["the log-sum of something else", (t) => t.sub(t.square().logSumExp(-1, true))],
    [
      "a maximum of something else",
      (t) => t.sub(t.square().max(-1, true)).sub(t.sub(t.square().max(-1, true)).exp().sum(-1, true).log()),
    ],
    [
      "a mean in place of the maximum",
      (t) => t.sub(t.mean(-1, true)).sub(t.sub(t.mean(-1, true)).exp().sum(-1, true).log()),
    ],
  ])("leaves %s", (_name, body) => {
    const graph = traceFunction(tf, { x }, (t) => ({ y: body(t.x!) }));
    const before = prepared.reduce((current, pass) => pass.run(current), graph);
    expect(opsOf(softmax.run(before))).toEqual(opsOf(before));
  });
});
