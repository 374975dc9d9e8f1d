import type { Tensor } from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { preservingPasses } from "../passes/pipeline.ts";
import { applyPasses, countOps, inputsOf } from "../test-support/recurrence.ts";
import { opsOf, testTensorflow, traceFunction } from "../test-support/run-graph.ts";
import { expectSameNumbers } from "../test-support/same-numbers.ts";
import { transposedProducts } from "./transposed-products.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;

function traceProduct(
  a: readonly [number, number],
  b: readonly [number, number],
  transposesA: boolean,
  transposesB: boolean,
) {
  const inputs = inputsOf({ a, b });
  const body = (t: Readonly<Record<string, Tensor>>) => ({ y: t.a!.matMul(t.b!, transposesA, transposesB) });
  return { inputs, graph: applyPasses(traceFunction(tf, inputs, body as never), preservingPasses) };
}

test("a large product with a transposed second matrix is an Einsum, of the same numbers", () => {
  const { inputs, graph } = traceProduct([300, 200], [500, 200], false, true);
  expect(countOps(graph, "MatMul", "Einsum")).toEqual([1, 0]);
  const after = expectSameNumbers(tensorflow, graph, inputs, [transposedProducts]);
  expect(countOps(after, "MatMul", "Einsum")).toEqual([0, 1]);
});

test.each([
  ["small", [30, 20], [50, 20], false, true],
  ["not transposed", [300, 200], [200, 500], false, false],
  ["transposed on both sides", [200, 300], [500, 200], true, true],
] as const)("a product that is %s stays as it is", (_name, a, b, transposesA, transposesB) => {
  const { graph } = traceProduct(a, b, transposesA, transposesB);
  expect(countOps(graph, "MatMul")).toEqual([1]);
  expect(opsOf(transposedProducts.run(graph))).toEqual(opsOf(graph));
});
