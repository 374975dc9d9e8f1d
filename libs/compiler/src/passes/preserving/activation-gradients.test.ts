import { attribute, makeGraph, makeValue, placeholder, scalar, simpleCall } from "@anneal/graph";
import type { Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { activationGradients } from "./activation-gradients.ts";
import { lateReshapes } from "./late-reshapes.ts";
import { simplifyMovement } from "./simplify-movement.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const x = { type: { dtype: "float32", shape: [2, 3] }, values: Float32Array.of(1, -2, 0, -0.5, 0.25, 3) } as const;
const fed = placeholder("x", x.type);
const dy = placeholder("dy", x.type);
const cast = { SrcT: attribute.type("bool"), DstT: attribute.type("float32") };
const mask = (op: string, limit: number) => makeValue("Cast", [simpleCall(op, [fed, scalar(limit)])], cast);

describe("activation gradients", () => {
  test.each<[string, (x: Tensor) => Tensor, string, readonly string[]]>([
    ["relu", (t) => t.mul(2).relu(), "ReluGrad", ["Cast", "Greater"]],
    ["sigmoid", (t) => t.sigmoid(), "SigmoidGrad", ["Sub"]],
    ["sigmoid in another shape", (t) => t.reshape([6, 1]).sigmoid().reshape([6]), "SigmoidGrad", ["Sub"]],
    ["tanh", (t) => t.tanh(), "TanhGrad", ["Sub"]],
  ])("%s", (_name, activation, expected, gone) => {
    const f = (t: Tensor) => activation(t).square().sum() as never;
    const graph = traceFunction(tf, { x }, (t) => {
      const { value, grad } = tf.valueAndGrad(f)(t.x!);
      return { y: value, dx: grad };
    });
    for (const op of gone) expect(opsOf(graph)).toContain(op);
    const after = expectSameNumbers(tensorflow, graph, { x }, [simplifyMovement, lateReshapes, activationGradients]);
    expect(opsOf(after)).toContain(expected);
    for (const op of gone) expect(opsOf(after)).not.toContain(op);
  });

  test("relu's gradient takes relu's result: its input is then needed by nothing else", () => {
    const f = (t: Tensor) => t.mul(2).relu().square().sum() as never;
    const graph = traceFunction(tf, { x }, (t) => {
      const { value, grad } = tf.valueAndGrad(f)(t.x!);
      return { y: value, dx: grad };
    });
    const after = activationGradients.run(simplifyMovement.run(graph));
    const gradient = after.nodes.find(({ op }) => op === "ReluGrad")!;
    expect(gradient.inputs[1]!.node.op).toBe("Relu");
  });

  test.each([
    ["a mask above another number", simpleCall("Mul", [dy, mask("Greater", 1)])],
    ["a mask that counts zero", simpleCall("Mul", [dy, mask("GreaterEqual", 0)])],
    ["a mask below", simpleCall("Mul", [dy, mask("Less", 0)])],
    [
      "a mask of another shape",
      simpleCall("Mul", [placeholder("dy", { dtype: "float32", shape: [4, 2, 3] }), mask("Greater", 0)]),
    ],
    ["1 - y of another y", simpleCall("Mul", [dy, simpleCall("Mul", [dy, simpleCall("Sub", [scalar(1), fed])])])],
    ["y - 1", simpleCall("Mul", [dy, simpleCall("Mul", [fed, simpleCall("Sub", [fed, scalar(1)])])])],
    ["2 - y^2", simpleCall("Mul", [dy, simpleCall("Sub", [scalar(2), simpleCall("Square", [fed])])])],
  ])("leaves %s", (_name, y) => {
    const graph = makeGraph({ y });
    expect(opsOf(activationGradients.run(graph))).toEqual(opsOf(graph));
  });
});
