import { constant, makeGraph, placeholder, reshape, scalar, simpleCall } from "@anneal/graph";
import { describe, expect, test } from "vitest";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { lateReshapes } from "./late-reshapes.ts";
import { simplifyMovement } from "./simplify-movement.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const values = Float32Array.from({ length: 24 }, (_, index) => Math.sin(index + 1));
const x = { type: { dtype: "float32", shape: [6, 4] }, values } as const;
const fed = placeholder("x", x.type);
const vector = constant({ dtype: "float32", shape: [4], data: Float32Array.of(1, 2, 3, 4) });
const numReshapes = (ops: readonly string[]) => ops.filter((op) => op === "Reshape").length;

describe("late reshapes", () => {
  test("a dense layer on sequences computes on rows throughout", () => {
    const graph = traceFunction(tf, { x }, (t) => ({
      y: t
        .x!.reshape([2, 3, 4])
        .add(tf.tensor1d([1, 2, 3, 4]))
        .relu()
        .mul(2)
        .reshape([6, 4])
        .softmax(),
    }));
    const after = expectSameNumbers(tensorflow, graph, { x }, [lateReshapes, simplifyMovement]);
    expect(numReshapes(opsOf(graph))).toBe(2);
    expect(numReshapes(opsOf(after))).toBe(0);
  });

  test("two values that were reshaped alike meet before it, and a constant takes their shape", () => {
    const full = constant({ dtype: "float32", shape: [2, 12], data: values });
    const sum = simpleCall("Add", [reshape(fed, [2, 12]), reshape(simpleCall("Neg", [fed]), [2, 12])]);
    const graph = makeGraph({ y: simpleCall("Mul", [sum, full]) });
    const after = expectSameNumbers(tensorflow, graph, { x }, [lateReshapes]);
    expect(after.outputs.y!.node.op).toBe("Reshape");
    expect(numReshapes(opsOf(after))).toBe(1);
  });

  test("a scalar that was a vector of one before is one after: the rule comes to an end", () => {
    const total = simpleCall("Log", [reshape(placeholder("s", { dtype: "float32", shape: [1] }), [])]);
    const s = { type: { dtype: "float32", shape: [1] }, values: Float32Array.of(3) } as const;
    const after = expectSameNumbers(tensorflow, makeGraph({ y: total }), { s }, [lateReshapes]);
    expect(after.outputs.y!.node.op).toBe("Reshape");
  });

  test.each([
    [
      "a value that was never reshaped",
      simpleCall("Add", [reshape(fed, [2, 12]), placeholder("o", { dtype: "float32", shape: [2, 12] })]),
    ],
    [
      "a value of another shape before",
      simpleCall("Add", [
        reshape(fed, [2, 12]),
        reshape(simpleCall("Neg", [reshape(placeholder("o", { dtype: "float32", shape: [4, 6] }), [4, 6])]), [2, 12]),
      ]),
    ],
    [
      "a vector along an axis that is another one before",
      simpleCall("Add", [
        reshape(fed, [8, 3]),
        constant({ dtype: "float32", shape: [3], data: Float32Array.of(1, 2, 3) }),
      ]),
    ],
    [
      "a broadcast",
      simpleCall("Add", [reshape(fed, [6, 1, 4]), placeholder("o", { dtype: "float32", shape: [6, 2, 4] })]),
    ],
    ["a softmax over other rows", simpleCall("Softmax", [reshape(fed, [2, 12])])],
  ])("keeps a reshape before %s", (_name, y) => {
    const graph = makeGraph({ y });
    expect(lateReshapes.run(graph).outputs.y).toEqual(y);
  });

  test("a vector stays a vector, a number a number", () => {
    const y = simpleCall("Maximum", [simpleCall("BiasAdd", [reshape(fed, [2, 3, 4]), vector]), scalar(0.5)]);
    const after = expectSameNumbers(tensorflow, makeGraph({ y }), { x }, [lateReshapes]);
    expect(after.outputs.y!.node.op).toBe("Reshape");
  });
});
