import type { Graph } from "@anneal/graph";
import type { Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { applyPasses, countOps, inputsOf, passesBefore } from "../../test-support/recurrence.ts";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { traceLayer } from "../../test-support/trace-layer.ts";
import { splitProducts } from "./split-products.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const canonical = passesBefore(splitProducts);
// Sums of 128 values, over several steps.
const tolerance = 1e-4;

describe("split products", () => {
  test.each([
    ["LSTM", () => tf.layers.lstm({ units: 128 })],
    ["LSTM without a bias", () => tf.layers.lstm({ units: 128, useBias: false })],
    ["GRU", () => tf.layers.gru({ units: 128 })],
  ])("gates of kind %s are computed one by one", (_name, layer) => {
    const { graph, inputs } = traceLayer(tf, layer(), [128, 5, 2]);
    const before = applyPasses(graph, canonical);
    expect(splitGates(before)).toBeGreaterThanOrEqual(5);
    const after = expectSameNumbers(tensorflow, before, inputs, [splitProducts], tolerance);
    expect(splitGates(after)).toBe(0);
  });

  const inputs = inputsOf({ h: [128, 64], w: [64, 256], s: [64, 64], b: [256], c: [128, 256] });
  const timesteps = (t: Tensors, gates: (h: Tensor, t: Tensors) => Tensor[]): Tensor => {
    let h = t.h!;
    for (let step = 0; step < 4; step++) {
      const [left, right] = gates(h, t);
      h = left!.tanh().mul(right!.tanh()).slice([0, 0], [128, 64]);
    }
    return h;
  };
  const traceTimesteps = (gates: (h: Tensor, t: Tensors) => Tensor[]) =>
    applyPasses(
      traceFunction(tf, inputs, (t) => ({ y: timesteps(t as never, gates) })),
      canonical,
    );

  test.each<[string, (h: Tensor, t: Tensors) => Tensor[], number]>([
    ["a product", (h, { w }) => tf.split(h.matMul(w!), 2, 1), 1],
    [
      "a product with a transposed matrix",
      (h, { w }) => tf.split(h.matMul(w!.transpose().tanh(), false, true), 2, 1),
      1,
    ],
    ["a product and a bias", (h, { w, b }) => tf.split(h.matMul(w!).add(b!), 2, 1), 2],
  ])("of %s", (_name, gates, numSplits) => {
    const after = expectSameNumbers(tensorflow, traceTimesteps(gates), inputs, [splitProducts], tolerance);
    expect(countOps(after, "MatMul", "SplitV")).toEqual([8, numSplits]);
  });

  test.each<[string, (h: Tensor, t: Tensors) => Tensor[]]>([
    ["what is added to something that is no product", (h, { w, c }) => tf.split(h.matMul(w!).add(c!), 2, 1)],
    ["rows", (h, { w }) => tf.split(h.matMul(w!), 2, 0).map((rows) => rows.concat(rows, 0))],
    ["small gates", (h, { s }) => tf.split(h.matMul(s!), 2, 1).map((gate) => gate.concat(gate, 1))],
    [
      "what something else needs",
      (h, { w }) => {
        const both = h.matMul(w!);
        const [left, right] = tf.split(both, 2, 1);
        return [left!.add(both.slice([0, 1], [128, 128])), right!];
      },
    ],
    ["weights that no other timestep has", (h, { w }) => tf.split(h.matMul(w!.mul(h.sum())), 2, 1)],
  ])("leaves %s", (_name, gates) => {
    const graph = traceTimesteps(gates);
    expect(countOps(graph, "SplitV")[0]).toBe(4);
    expect(opsOf(splitProducts.run(graph))).toEqual(opsOf(graph));
  });
});

type Tensors = Readonly<Record<string, Tensor>>;

/** How often something that was computed for a timestep is taken apart: weights are, once. */
function splitGates({ nodes }: Graph): number {
  const computed = ["MatMul", "Add", "AddV2", "BiasAdd"];
  return nodes.filter(({ op, inputs }) => op === "SplitV" && computed.includes(inputs[0]!.node.op)).length;
}
