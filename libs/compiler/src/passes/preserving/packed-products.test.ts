import type { Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { applyPasses, countOps, inputsOf, passesBefore } from "../../test-support/recurrence.ts";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { traceLayer } from "../../test-support/trace-layer.ts";
import { packedProducts } from "./packed-products.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const canonical = passesBefore(packedProducts);

describe("packed products", () => {
  test("the gradient by the inputs of a recurrent layer is one product", () => {
    const { graph, inputs } = traceLayer(tf, tf.layers.lstm({ units: 4 }), [2, 5, 3]);
    const before = applyPasses(graph, canonical);
    const after = expectSameNumbers(tensorflow, before, inputs, [packedProducts]);
    expect(countOps(before, "MatMul")[0]! - countOps(after, "MatMul")[0]!).toBe(4);
    expect(countOps(after, "Pack")).toEqual([0]);
  });

  test.each([0, 1, 2])("packed along axis %i", (axis) => {
    const inputs = inputsOf({ x: [3, 2, 4], w: [4, 5] });
    const graph = traceFunction(tf, inputs, ({ x, w }) => ({
      y: tf.stack(
        tf.unstack(x!).map((step) => step.tanh().matMul(w!)),
        axis,
      ),
    }));
    const after = expectSameNumbers(tensorflow, applyPasses(graph, canonical), inputs, [packedProducts]);
    expect(countOps(after, "MatMul", "Pack")).toEqual([1, 0]);
  });

  test.each<[string, (steps: readonly Tensor[], w: Tensor) => Record<string, Tensor>]>([
    [
      "products that something else needs",
      (steps, w) => {
        const products = steps.map((step) => step.tanh().matMul(w));
        return { y: tf.stack(products), z: products[1]!.tanh() };
      },
    ],
    [
      "matrices that differ",
      (steps, w) => ({ y: tf.stack(steps.map((step, index) => step.matMul(index === 0 ? w : w.tanh()))) }),
    ],
    [
      "values that are no products",
      (steps, w) => ({ y: tf.stack(steps.map((step, index) => (index === 0 ? step : step.matMul(w)))) }),
    ],
  ])("leaves %s", (_name, body) => {
    const inputs = inputsOf({ x: [3, 2, 4], w: [4, 4] });
    const graph = traceFunction(tf, inputs, ({ x, w }) =>
      body(
        [0, 1, 2].map((t) => x!.slice([t], [1]).reshape([2, 4]).tanh()),
        w!,
      ),
    );
    const before = applyPasses(graph, canonical);
    expect(opsOf(packedProducts.run(before))).toEqual(opsOf(before));
  });
});
