import type { Tensor } from "@tensorflow/tfjs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyPasses, countOps, inputsOf, passesBefore } from "../../test-support/recurrence.ts";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { traceLayer } from "../../test-support/trace-layer.ts";
import { hoistedProducts } from "./hoisted-products.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const canonical = passesBefore(hoistedProducts);

describe("hoisted products", () => {
  test.each([
    ["LSTM", () => tf.layers.lstm({ units: 4 })],
    ["GRU", () => tf.layers.gru({ units: 4 })],
    ["simple RNN", () => tf.layers.simpleRNN({ units: 4 })],
  ])("the inputs of a layer's timesteps, of kind %s, are multiplied together", (_name, layer) => {
    const { graph, inputs } = traceLayer(tf, layer(), [2, 5, 3]);
    const before = applyPasses(graph, canonical);
    const after = expectSameNumbers(tensorflow, before, inputs, [hoistedProducts]);
    const [productsBefore, productsAfter] = [before, after].map((each) => countOps(each, "MatMul")[0]!);
    expect(productsBefore! - productsAfter!).toBe(4);
    expect(countOps(after, "BiasAdd")).toEqual([1]);
  });

  test("random sequences have the same numbers", () => {
    const size = fc.integer({ min: 1, max: 4 });
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), size, size, size, (steps, rows, columns, units) => {
        const inputs = inputsOf({ x: [steps, rows, columns], w: [columns, units], u: [units, units], b: [units] });
        const graph = traceFunction(tf, inputs, ({ x, w, u, b }) => {
          const f = (...[s, kernel, recurrent, bias]: Tensor[]) => {
            let state: Tensor = tf.zeros([rows, units]);
            for (const step of tf.unstack(s!)) {
              state = step.matMul(kernel!).add(state.matMul(recurrent!)).add(bias!).tanh();
            }
            return state.sum() as never;
          };
          const { value, grads } = tf.valueAndGrads(f)([x!, w!, u!, b!]);
          return { value, ...Object.fromEntries(grads.map((gradient, index) => [`gradient${index}`, gradient])) };
        });
        const after = expectSameNumbers(tensorflow, applyPasses(graph, canonical), inputs, [hoistedProducts]);
        expect(countOps(after, "Unpack")[0]).toBeGreaterThan(1);
      }),
      { seed: 1, numRuns: 15 },
    );
  });

  const shapes = { x: [3, 2, 4], w: [4, 4], v: [4, 4] };
  test.each<[string, (t: Readonly<Record<string, Tensor>>) => Tensor[]]>([
    ["matrices that differ", ({ x, w, v }) => [w!, v!].map((matrix, t) => tf.unstack(x!)[t]!.matMul(matrix))],
    [
      "a sequence along another axis",
      ({ x, w }) => tf.unstack(x!.transpose([1, 0, 2]), 1).map((step) => step.matMul(w!)),
    ],
    ["the second factor", ({ x, w }) => tf.unstack(x!).map((step) => w!.matMul(step, false, true))],
    ["a transposed first factor", ({ x, w }) => tf.unstack(x!.concat([x!], 1)).map((step) => step.matMul(w!, true))],
    ["a timestep by itself", ({ x, w }) => [tf.unstack(x!)[1]!.matMul(w!)]],
  ])("leaves %s", (_name, body) => {
    const graph = traceFunction(tf, inputsOf(shapes), (t) =>
      Object.fromEntries(body(t as never).map((y, index) => [`y${index}`, y])),
    );
    const before = applyPasses(graph, canonical);
    expect(opsOf(hoistedProducts.run(before))).toEqual(opsOf(before));
  });
});
