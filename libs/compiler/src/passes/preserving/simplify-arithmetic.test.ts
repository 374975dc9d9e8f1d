import { constant, makeGraph, placeholder, scalar, simpleCall, splatOf, typeOf } from "@anneal/graph";
import type { Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { simplifyArithmetic } from "./simplify-arithmetic.ts";
import { simplifyMovement } from "./simplify-movement.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const x = { type: { dtype: "float32", shape: [2, 3] }, values: Float32Array.of(1, 2, 3, 4, 5, 6) } as const;
const fed = placeholder("x", x.type);

const computing = (ops: readonly string[]) => ops.filter((op) => op !== "Const" && op !== "Placeholder");

describe("simplify arithmetic", () => {
  test.each<[string, (x: Tensor) => Tensor, readonly string[]]>([
    [
      "neutral elements",
      (t) =>
        t
          .mul(1)
          .add(0)
          .sub(0)
          .div(1)
          .mul(tf.ones([2, 3]))
          .square(),
      ["Square"],
    ],
    ["factors in a row", (t) => t.mul(2).div(3).neg().mul(0.5).square(), ["Mul", "Square"]],
    ["factors on both sides", (t) => t.square().mul(2).mul(t.exp().mul(3)).div(6), ["Exp", "Mul", "Square"]],
    ["signs that cancel", (t) => t.square().neg().sum(1).mean().neg(), ["Mean", "Square", "Sum"]],
    ["a sign before a sum of two", (t) => t.square().add(t.abs().neg()), ["Abs", "Square", "Sub"]],
    ["a negative difference", (t) => t.square().sub(t.abs()).neg(), ["Abs", "Square", "Sub"]],
    ["signs of both factors", (t) => t.square().neg().mul(t.abs().neg()), ["Abs", "Mul", "Square"]],
    ["a power of 1.5", (t) => t.pow(1.5), ["Mul", "Sqrt"]],
    ["a power of 2", (t) => t.pow(2), ["Square"]],
  ])("%s", (_name, body, ops) => {
    const graph = traceFunction(tf, { x }, (t) => ({ y: body(t.x!) }));
    expect(opsOf(graph).length).toBeGreaterThan(ops.length + 1);
    const after = expectSameNumbers(tensorflow, graph, { x }, [simplifyMovement, simplifyArithmetic]);
    expect(computing(opsOf(after))).toEqual(ops);
  });

  test("a constant that fills a shape is a number", () => {
    const graph = traceFunction(tf, { x }, (t) => ({ y: t.x!.maximum(tf.fill([2, 3], 4)) }));
    const after = expectSameNumbers(tensorflow, graph, { x }, [simplifyArithmetic]);
    expect(typeOf(after.outputs.y!.node.inputs[1]!).shape).toEqual([]);
  });

  test.each<[string, (x: Tensor) => Tensor]>([
    ["a neutral element that broadcasts", (t) => t.mul(tf.ones([4, 2, 3]))],
    ["a neutral element on the other side", (t) => tf.scalar(1).div(t)],
    ["a sign of fewer values", (t) => t.sum().neg().mul(t)],
    ["other powers", (t) => t.pow(3)],
    ["a constant of several values", (t) => t.mul(tf.tensor1d([1, 1, 2]))],
  ])("keeps %s", (_name, body) => {
    const graph = traceFunction(tf, { x }, (t) => ({ y: body(t.x!) }));
    expect(opsOf(simplifyArithmetic.run(graph))).toEqual(opsOf(graph));
  });

  test("a factor that somebody else needs is not taken apart", () => {
    const doubled = simpleCall("Mul", [fed, scalar(2)]);
    const graph = makeGraph({ y: simpleCall("Mul", [doubled, scalar(3)]), z: doubled });
    expect(opsOf(simplifyArithmetic.run(graph))).toEqual(opsOf(graph));
  });

  test("factors whose product float32 cannot hold stay apart", () => {
    const tiny = simpleCall("Mul", [fed, scalar(1e-25)]);
    const graph = makeGraph({ y: simpleCall("Mul", [tiny, scalar(1e-20)]) });
    expect(opsOf(expectSameNumbers(tensorflow, graph, { x }, [simplifyArithmetic]))).toEqual(opsOf(graph));
  });

  test("integers keep their arithmetic", () => {
    const int = placeholder("i", { dtype: "int32", shape: [2] });
    const two = constant({ dtype: "int32", shape: [], data: Int32Array.of(2) });
    const graph = makeGraph({ y: simpleCall("Mul", [simpleCall("FloorDiv", [int, two]), two]) });
    expect(opsOf(simplifyArithmetic.run(graph))).toEqual(opsOf(graph));
    expect(splatOf(two)).toBe(2);
  });
});
