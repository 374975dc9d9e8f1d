import type { Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { lateBroadcasts } from "./late-broadcasts.ts";
import { simplifyMovement } from "./simplify-movement.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const x = { type: { dtype: "float32", shape: [2, 3] }, values: Float32Array.of(1, 2, 3, 4, 5, 6) } as const;
const column = { type: { dtype: "float32", shape: [2, 1] }, values: Float32Array.of(2, -3) } as const;
const inputs = { x, column };

const computing = (ops: readonly string[]) => ops.filter((op) => op !== "Const" && op !== "Placeholder");

describe("late broadcasts", () => {
  test("the gradient of a mean is not repeated before it is multiplied", () => {
    const f = (t: Tensor) => t.square().mean(1, true).square().sum() as never;
    const graph = traceFunction(tf, { x }, (t) => ({ dx: tf.grad(f)(t.x!) }));
    const before = simplifyMovement.run(graph);
    const after = expectSameNumbers(tensorflow, before, { x }, [lateBroadcasts]);
    const sizes = (ops: typeof after) =>
      ops.nodes.filter(({ op, outputs }) => (op === "Mul" || op === "RealDiv") && String(outputs[0]!.shape) === "2,3");
    expect(sizes(before)).toHaveLength(4);
    // 2 x, and that times the gradient of the mean.
    expect(sizes(after)).toHaveLength(2);
  });

  test.each<[string, (x: Tensor, column: Tensor) => Tensor, readonly string[]]>([
    ["an op broadcasts by itself", (t, c) => c.mul(tf.ones([2, 3])).add(t), ["Add"]],
    ["what is done to each copy is done once", (_, c) => c.mul(tf.ones([2, 3])).square(), ["BroadcastTo", "Square"]],
    ["a factor is kept", (t, c) => c.mul(tf.fill([2, 3], 2)).add(t), ["Add", "Mul"]],
    ["a tile along an axis of size 1", (t, c) => c.tile([1, 3]).add(t), ["Add"]],
    [
      "both are repeated",
      (_, c) => c.mul(tf.ones([2, 3])).add(c.square().mul(tf.ones([2, 3]))),
      ["Add", "BroadcastTo", "Square"],
    ],
    [
      "one value, in another shape",
      (t) =>
        t
          .sum()
          .mul(tf.ones([6]))
          .reshape([2, 3])
          .add(t),
      ["Add", "Sum"],
    ],
  ])("%s", (_name, body, ops) => {
    const graph = traceFunction(tf, inputs, (t) => ({ y: body(t.x!, t.column!) }));
    expect(computing(opsOf(expectSameNumbers(tensorflow, graph, inputs, [simplifyMovement, lateBroadcasts])))).toEqual(
      ops,
    );
  });

  test("a tile of more than one value stays", () => {
    const graph = traceFunction(tf, { x }, (t) => ({ y: t.x!.tile([1, 2]).square() }));
    expect(opsOf(lateBroadcasts.run(graph))).toEqual(opsOf(graph));
  });
});
