import type { Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { applyPasses, countOps, inputsOf, passesBefore } from "../../test-support/recurrence.ts";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { traceLayer } from "../../test-support/trace-layer.ts";
import { summedProducts } from "./summed-products.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const canonical = passesBefore(summedProducts);

describe("summed products", () => {
  test.each([
    ["LSTM", () => tf.layers.lstm({ units: 4 }), 5],
    ["GRU", () => tf.layers.gru({ units: 4 }), 5],
    ["simple RNN", () => tf.layers.simpleRNN({ units: 7 }), 6],
  ])("gradients of a layer's weights, of kind %s, are products over the whole sequence", (_name, layer, numSteps) => {
    const { graph, inputs, eager } = traceLayer(tf, layer(), [2, numSteps, 3]);
    const before = applyPasses(graph, canonical);
    const after = expectSameNumbers(tensorflow, before, inputs, [summedProducts]);
    const transposed = (each: typeof graph) =>
      each.nodes.filter(({ op, attributes }) => op === "MatMul" && attributes.transpose_a?.value === true).length;
    expect(transposed(before)).toBeGreaterThanOrEqual(2 * numSteps);
    expect(transposed(after)).toBeLessThanOrEqual(3);
    expect(countOps(after, "BiasAddGrad")).toEqual([1]);
    expect(Object.keys(eager)).toEqual(expect.arrayContaining(["gradient/kernel", "gradient/recurrent_kernel"]));
  });

  const sum = (terms: readonly Tensor[]) => terms.reduce((a, b) => a.add(b));
  const steps = ({ x }: Readonly<Record<string, Tensor>>, num: number) => tf.unstack(x!).slice(0, num);
  test("other terms stay, in whatever order they were added", () => {
    const inputs = inputsOf({ x: [5, 3, 4], y: [5, 3, 2], z: [4, 2] });
    const graph = traceFunction(tf, inputs, (t) => {
      const products = steps(t as never, 5).map((a, index) => a.transpose().matMul(tf.unstack(t.y!)[index]!));
      return { total: sum([...products.slice(0, 2), t.z!, ...products.slice(2), t.z!.square()]) };
    });
    const after = expectSameNumbers(tensorflow, applyPasses(graph, canonical), inputs, [summedProducts]);
    expect(countOps(after, "MatMul", "AddN")).toEqual([1, 1]);
  });

  test.each<[string, (t: Readonly<Record<string, Tensor>>) => Record<string, Tensor>]>([
    ["three terms", (t) => ({ y: sum(steps(t, 3).map((a) => a.matMul(a.tanh(), true))) })],
    ["products that are not transposed", (t) => ({ y: sum(steps(t, 5).map((a) => a.matMul(a.tanh(), false, true))) })],
    [
      "products that something else needs",
      (t) => {
        const products = steps(t, 5).map((a) => a.matMul(a.tanh(), true));
        return { y: sum(products), z: tf.stack(products) };
      },
    ],
  ])("leaves %s", (_name, body) => {
    const graph = traceFunction(tf, inputsOf({ x: [5, 3, 4] }), (t) => body(t as never));
    const before = applyPasses(graph, canonical);
    expect(opsOf(summedProducts.run(before))).toEqual(opsOf(before));
  });
});
