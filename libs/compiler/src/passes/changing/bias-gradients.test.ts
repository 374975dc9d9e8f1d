import type { Tensor } from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { freeCosts } from "../../test-support/free-costs.ts";
import { countOps, inputsOf } from "../../test-support/recurrence.ts";
import { runGraph, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { preservingPasses } from "../pipeline.ts";
import { biasAdd } from "../preserving/bias-add.ts";
import { fusedBiasGradients, plainBiasGradients } from "./bias-gradients.ts";
import { mixedPrecision } from "./mixed-precision.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;

/** The sum of 4,096 rows of ones: far beyond where a sum in bfloat16 ends. */
function traceGradient(numChannels: number) {
  const inputs = inputsOf({ x: [4096, 256], w: [256, numChannels] });
  const traced = traceFunction(tf, inputs, ({ x, w }) => {
    const ones = (tensor: Tensor, value: number) => tensor.mul(0).add(value);
    const first = ones((x as Tensor).matMul(w as never), 1);
    const second = ones((w as Tensor).matMul(w as never, true), 1 / numChannels);
    return { sum: first.matMul(second as never).sum(0) };
  });
  return { inputs, graph: preservingPasses.reduce((current, each) => each.run(current), traced) };
}

const paint = mixedPrecision({ dtype: "bfloat16", costs: freeCosts, allows: () => true });

test.each([
  [256, "MatMul"],
  [32, "Sum"],
] as const)("the gradient of %d biases in bfloat16 is a %s that loses nothing", (numChannels, op) => {
  const { graph, inputs } = traceGradient(numChannels);
  expect(countOps(graph, "BiasAddGrad", "Sum")).toEqual([1, 0]);
  const painted = [plainBiasGradients, paint, fusedBiasGradients, biasAdd].reduce((it, each) => each.run(it), graph);
  const sum = painted.outputs.sum!.node;
  const made = painted.nodes.findLast((node) => node.op === op && node.outputs[0]!.shape.includes(numChannels))!;
  expect(made.outputs[0]!.dtype).toBe("bfloat16");
  expect(countOps(painted, "BiasAddGrad")).toEqual([0]);
  expect(sum.outputs[0]!.dtype).toBe("float32");
  expect([...runGraph(tensorflow, painted, inputs).sum!]).toEqual(Array(numChannels).fill(4096));
});

test.each([256, 32])("one of %d biases that stays in float32 is what it was", (numChannels) => {
  const { graph, inputs } = traceGradient(numChannels);
  const back = [plainBiasGradients, fusedBiasGradients, biasAdd].reduce((it, each) => each.run(it), graph);
  expect(countOps(back, "BiasAddGrad", "Sum", "MatMul")).toEqual([1, 0, 3]);
  expect([...runGraph(tensorflow, back, inputs).sum!]).toEqual([...runGraph(tensorflow, graph, inputs).sum!]);
});
