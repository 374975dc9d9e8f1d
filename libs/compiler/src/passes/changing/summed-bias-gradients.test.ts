import type { Tensor } from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { cpuCosts } from "../../precision/kernel-costs.ts";
import { countOps, inputsOf } from "../../test-support/recurrence.ts";
import { runGraph, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { preservingPasses } from "../pipeline.ts";
import { biasAdd } from "../preserving/bias-add.ts";
import { mixedPrecision } from "./mixed-precision.ts";
import { summedBiasGradients } from "./summed-bias-gradients.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;

const inputs = inputsOf({ x: [4096, 256], w: [256, 256] });
const traced = traceFunction(tf, inputs, (t) => {
  // Of ones, so that the sum is known: 4,096 of them are far beyond where a sum in bfloat16 ends.
  const product = (t.x as never as Tensor).matMul(t.w as never);
  return {
    sum: product
      .mul(0)
      .add(1)
      .matMul((t.w as never as Tensor).mul(0).add(1 / 256) as never)
      .sum(0),
  };
});
const graph = preservingPasses.reduce((current, each) => each.run(current), traced);

test("a bias's gradient in 16-bit floats is a sum that loses nothing", () => {
  expect(countOps(graph, "BiasAddGrad", "Sum")).toEqual([1, 0]);
  const painted = [
    summedBiasGradients,
    mixedPrecision({ dtype: "bfloat16", costs: cpuCosts, allows: () => true }),
    biasAdd,
  ].reduce((current, each) => each.run(current), graph);
  const [sum] = painted.nodes.filter(({ op }) => op === "Sum");
  expect(sum!.outputs[0]!.dtype).toBe("bfloat16");
  expect([...runGraph(tensorflow, painted, inputs).sum!]).toEqual(Array(256).fill(4096));
});

test("one that stays in float32 is what it was", () => {
  const back = biasAdd.run(summedBiasGradients.run(graph));
  expect(countOps(back, "BiasAddGrad", "Sum")).toEqual([1, 0]);
});
