import {
  makeGraph,
  makeNode,
  placeholder,
  readVariable,
  simpleCall,
  typeAttribute,
  variableHandle,
} from "@anneal/graph";
import { describe, expect, test } from "vitest";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { commonSubexpressions } from "./common-subexpressions.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const x = { type: { dtype: "float32", shape: [2, 3] }, values: Float32Array.of(1, -2, 3, -4, 5, -6) } as const;

describe("common subexpressions", () => {
  test("what is computed twice is computed once, its constants too", () => {
    const graph = traceFunction(tf, { x }, (t) => ({
      y: t
        .x!.add(tf.tensor1d([1, 2, 3]))
        .square()
        .mul(tf.tensor1d([1, 2, 3]).add(t.x!).square()),
    }));
    const after = expectSameNumbers(tensorflow, graph, { x }, [commonSubexpressions]);
    expect(opsOf(graph)).toEqual(["Add", "Add", "Const", "Const", "Mul", "Placeholder", "Square", "Square"]);
    expect(opsOf(after)).toEqual(["Add", "Const", "Mul", "Placeholder", "Square"]);
  });

  test("two outputs may become one value", () => {
    const graph = traceFunction(tf, { x }, (t) => ({ y: t.x!.square(), z: t.x!.square() }));
    expect(opsOf(expectSameNumbers(tensorflow, graph, { x }, [commonSubexpressions]))).toEqual([
      "Placeholder",
      "Square",
    ]);
  });

  test("other inputs, another order or other attributes are another value", () => {
    const graph = traceFunction(tf, { x }, (t) => ({
      y: t
        .x!.sub(tf.scalar(1))
        .add(tf.scalar(2).sub(t.x!))
        .add(t.x!.sub(tf.scalar(2)))
        .sum(0, true),
      z: t.x!.sum(0),
      w: t.x!.sum(1),
    }));
    const after = expectSameNumbers(tensorflow, graph, { x }, [commonSubexpressions]);
    const withoutConstants = (ops: readonly string[]) => ops.filter((op) => op !== "Const");
    expect(withoutConstants(opsOf(after))).toEqual(withoutConstants(opsOf(graph)));
  });

  test("nothing that reads state, and nothing that waits, is merged", () => {
    const type = { dtype: "float32", shape: [3] } as const;
    const handle = variableHandle("v", type);
    const fed = placeholder("x", type);
    const waiting = () =>
      makeNode("Neg", [fed], typeAttribute("T", "float32"), { controls: [readVariable(handle, type).node] });
    const graph = makeGraph({
      a: readVariable(handle, type),
      b: readVariable(handle, type),
      c: { node: waiting(), index: 0 },
      d: { node: waiting(), index: 0 },
      e: simpleCall("Neg", [fed]),
    });
    expect(opsOf(commonSubexpressions.run(graph))).toEqual(opsOf(graph));
  });
});
