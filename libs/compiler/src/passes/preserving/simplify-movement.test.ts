import { attribute, makeGraph, makeValue, placeholder, reduce, reshape, simpleCall, transpose } from "@anneal/graph";
import { describe, expect, test } from "vitest";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { simplifyMovement } from "./simplify-movement.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const values = Float32Array.from({ length: 24 }, (_, index) => Math.sin(index + 1));
const x = { type: { dtype: "float32", shape: [2, 3, 4] }, values } as const;
const labels = { type: { dtype: "int32", shape: [2] }, values: Int32Array.of(1, 0) } as const;
const fed = placeholder("x", x.type);

const computing = (ops: readonly string[]) => ops.filter((op) => op !== "Const" && op !== "Placeholder");

describe("simplify movement", () => {
  test("a trace's casts, reshapes and expansions that cancel are gone", () => {
    const graph = traceFunction(tf, { x }, (t) => ({
      y: t.x!.reshape([1, 2, 3, 4]).squeeze([0]).toFloat().reshape([6, 4]).reshape([2, 12]).square().reshape([2, 12]),
    }));
    expect(computing(opsOf(expectSameNumbers(tensorflow, graph, { x }, [simplifyMovement])))).toEqual([
      "Reshape",
      "Square",
    ]);
  });

  test("transposes are one, none, or a reshape where only axes of size 1 move", () => {
    const twice = traceFunction(tf, { x }, (t) => ({ y: t.x!.transpose([2, 0, 1]).transpose([1, 2, 0]).square() }));
    expect(computing(opsOf(expectSameNumbers(tensorflow, twice, { x }, [simplifyMovement])))).toEqual(["Square"]);
    const other = traceFunction(tf, { x }, (t) => ({ y: t.x!.transpose([2, 0, 1]).transpose([2, 0, 1]) }));
    expect(computing(opsOf(expectSameNumbers(tensorflow, other, { x }, [simplifyMovement])))).toEqual(["Transpose"]);
    const ones = traceFunction(tf, { x }, (t) => ({ y: t.x!.reshape([1, 2, 12]).transpose([1, 0, 2]).square() }));
    expect(computing(opsOf(expectSameNumbers(tensorflow, ones, { x }, [simplifyMovement])))).toEqual([
      "Reshape",
      "Square",
    ]);
  });

  test("a reduction keeps its axes, or drops them, as what follows needs it", () => {
    const kept = traceFunction(tf, { x }, (t) => ({ y: t.x!.sum(1).reshape([2, 1, 4]) }));
    expect(computing(opsOf(expectSameNumbers(tensorflow, kept, { x }, [simplifyMovement])))).toEqual(["Sum"]);
    const shared = traceFunction(tf, { x }, (t) => {
      const sum = t.x!.sum(1);
      return { y: sum.reshape([2, 1, 4]), z: sum.square() };
    });
    expect(computing(opsOf(simplifyMovement.run(shared)))).toEqual(["Reshape", "Square", "Sum"]);
  });

  test("a reduction over axes of size 1 is a reshape, over others it stays", () => {
    const single = makeGraph({ y: reduce("Mean", reshape(fed, [2, 1, 12]), { axes: [1] }) });
    expect(computing(opsOf(expectSameNumbers(tensorflow, single, { x }, [simplifyMovement])))).toEqual(["Reshape"]);
    const mixed = makeGraph({ y: reduce("Mean", reshape(fed, [2, 1, 12]), { axes: [1, 2] }) });
    expect(computing(opsOf(simplifyMovement.run(mixed)))).toEqual(["Mean", "Reshape"]);
  });

  test("one-hot vectors are made in the dtype that is needed", () => {
    const graph = traceFunction(tf, { labels }, (t) => ({ y: tf.oneHot(t.labels!.toInt(), 3).toFloat() }));
    expect(computing(opsOf(expectSameNumbers(tensorflow, graph, { labels }, [simplifyMovement])))).toEqual(["OneHot"]);
    const both = traceFunction(tf, { labels }, (t) => {
      const oneHot = tf.oneHot(t.labels!.toInt(), 3);
      return { y: oneHot.toFloat(), z: oneHot };
    });
    expect(computing(opsOf(expectSameNumbers(tensorflow, both, { labels }, [simplifyMovement])))).toEqual([
      "Cast",
      "OneHot",
    ]);
  });

  test("what changes a dtype or an order stays", () => {
    const cast = makeValue("Cast", [fed], { SrcT: attribute.type("float32"), DstT: attribute.type("int32") });
    const graph = makeGraph({ y: cast, z: transpose(fed, [0, 2, 1]), w: simpleCall("Square", [fed]) });
    expect(opsOf(simplifyMovement.run(graph))).toEqual(opsOf(graph));
  });
});
