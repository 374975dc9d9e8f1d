import type { Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { applyPasses, countOps, inputsOf, passesBefore } from "../../test-support/recurrence.ts";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { traceLayer } from "../../test-support/trace-layer.ts";
import { preservingPasses } from "../pipeline.ts";
import { concatenatedProducts } from "./concatenated-products.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const canonical = passesBefore(concatenatedProducts);
// Sums of 128 values, over several steps.
const tolerance = 1e-4;

describe("concatenated products", () => {
  test.each([
    ["LSTM", () => tf.layers.lstm({ units: 128 })],
    ["GRU", () => tf.layers.gru({ units: 128 })],
  ])("gradients of gates of kind %s are never put together", (_name, layer) => {
    const { graph, inputs } = traceLayer(tf, layer(), [128, 3, 2]);
    const before = applyPasses(graph, canonical);
    const after = expectSameNumbers(tensorflow, before, inputs, [concatenatedProducts], tolerance);
    const gates = (each: typeof graph) =>
      each.nodes.filter(
        ({ op, outputs }) => op === "ConcatV2" && outputs[0]!.shape[0] === 128 && outputs[0]!.shape[1]! > 128,
      );
    expect(gates(before).length).toBeGreaterThanOrEqual(3);
    const remaining = gates(applyPasses(after, preservingPasses.slice(canonical.length + 1)));
    // Gradients of the weights themselves are of that shape too; those of a GRU are put together in two steps.
    expect(remaining.length).toBeLessThanOrEqual(2);
  });

  const inputs = inputsOf({ a: [128, 128], b: [128, 128], w: [256, 128], v: [256, 300], x: [128, 4] });
  test.each([
    ["a product", ({ a, b, w }: Tensors) => a!.concat(b!, 1).matMul(w!)],
    [
      "a product with a transposed matrix",
      ({ a, b, w }: Tensors) => a!.concat(b!, 1).matMul(w!.transpose(), false, true),
    ],
  ])("%s", (_name, body) => {
    const graph = applyPasses(
      traceFunction(tf, inputs, (t) => ({ y: body(t as never) })),
      canonical,
    );
    const after = expectSameNumbers(tensorflow, graph, inputs, [concatenatedProducts], tolerance);
    expect(countOps(after, "ConcatV2", "MatMul", "SplitV")).toEqual([0, 2, 1]);
  });

  test.each<[string, (t: Tensors) => Record<string, Tensor>]>([
    ["parts that are narrower than the product", ({ a, b, v }) => ({ y: a!.concat(b!, 1).matMul(v!) })],
    ["small parts", ({ x, w }) => ({ y: x!.concat(x!.tanh(), 1).matMul(w!.slice([0, 0], [8, 2])) })],
    ["rows put together", ({ a, b, x }) => ({ y: a!.concat(b!, 0).matMul(x!) })],
    ["a gradient that nothing is added to", ({ a, b, x }) => ({ y: x!.matMul(a!.concat(b!, 1), true) })],
    [
      "what something else needs",
      ({ a, b, w }) => {
        const both = a!.concat(b!, 1);
        return { y: both.matMul(w!), both: both.tanh() };
      },
    ],
  ])("leaves %s", (_name, body) => {
    const graph = applyPasses(
      traceFunction(tf, inputs, (t) => body(t as never)),
      canonical,
    );
    expect(opsOf(concatenatedProducts.run(graph))).toEqual(opsOf(graph));
  });
});

type Tensors = Readonly<Record<string, Tensor>>;
