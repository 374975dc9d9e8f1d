import { countUses, type Graph, makeGraph, type Node, placeholder, verifyGraph } from "@anneal/graph";
import type { Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { predictMemory } from "../../memory/predict-memory.ts";
import { recomputedPrefix } from "../../recompute/build.ts";
import { inputsOf } from "../../test-support/recurrence.ts";
import { runGraph, testTensorflow } from "../../test-support/run-graph.ts";
import { trace } from "../../trace/trace.ts";
import { promptReleases } from "./prompt-releases.ts";
import { recompute } from "./recompute.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const inputs = inputsOf({ x: [16, 32], w: [32, 32] });
type Layer = (x: Tensor, w: Tensor) => Tensor;

/** So many layers of one weight, a loss, and the gradients by weight and input. */
function stepOf(layer: Layer, numLayers: number): Graph {
  const fed = Object.fromEntries(Object.entries(inputs).map(([name, { type }]) => [name, placeholder(name, type)]));
  const body = (tensors: Readonly<Record<string, Tensor>>, scope: <T>(name: string, run: () => T) => T) => {
    const forward = (x: Tensor, w: Tensor) => {
      let y = x;
      for (let index = 0; index < numLayers; index += 1) y = scope(`layer${index}`, () => layer(y, w));
      return scope("loss", () => y.square().mean()) as never;
    };
    const { value, grads } = tf.valueAndGrads(forward)([tensors.x!, tensors.w!]);
    return { loss: value, dx: grads[0]!, dw: grads[1]! };
  };
  return makeGraph(trace(tf, { inputs: fed, variables: [], body }).outputs);
}

const dense: Layer = (x, w) => tf.tanh(tf.matMul(x as never, w as never));
const residual: Layer = (x, w) => tf.add(x, tf.relu(tf.matMul(x as never, w as never)));

/** A leaky relu that saves its truth values for the gradient, so that they cross borders. */
function leakyRelu(features: Tensor): Tensor {
  const masked = (isLarge: Tensor, values: Tensor) =>
    tf.where(isLarge as never, values as never, tf.mul(values as never, 0.5));
  return tf.customGrad((x, save) => {
    const isLarge = tf.greater(x as never, 0.1);
    (save as (tensors: Tensor[]) => void)([isLarge]);
    return { value: masked(isLarge, x as Tensor), gradFunc: (dy, [saved]) => masked(saved!, dy as Tensor) as never };
  })(features as never) as never;
}

const masked: Layer = (x, w) => tf.add(x, leakyRelu(tf.matMul(x as never, w as never)));

function isRecomputed({ scope }: Node): boolean {
  return scope.startsWith(recomputedPrefix);
}

describe.each<[string, Layer]>([
  ["a chain", dense],
  ["layers that skip", residual],
  ["layers with masks", masked],
])("recomputation of %s", (_name, layer) => {
  const graph = stepOf(layer, 12);

  test.each([2, 4, 16])("in %i segments has the same bits in less memory", (numSegments) => {
    const after = promptReleases.run(recompute(numSegments).run(graph));
    verifyGraph(after);
    expect(after.nodes.some(isRecomputed)).toBe(true);
    expect(runGraph(tensorflow, after, inputs)).toEqual(runGraph(tensorflow, graph, inputs));
    expect(predictMemory(after).peakBytes).toBeLessThan(0.8 * predictMemory(graph).peakBytes);
  });

  test("begins no earlier than its gradients", () => {
    const { nodes } = recompute(4).run(graph);
    const descendants = new Set(nodes.filter(({ op }) => op === "NoOp"));
    for (const node of nodes) {
      if ([...node.inputs.map((input) => input.node), ...node.controls].some((needed) => descendants.has(needed))) {
        descendants.add(node);
      }
    }
    for (const node of nodes.filter(isRecomputed)) expect(descendants.has(node), node.op).toBe(true);
    const waits = nodes.filter(({ op }) => op === "NoOp").flatMap(({ controls }) => controls);
    expect(waits.length).toBeGreaterThan(0);
    for (const node of waits) expect(node.scope).toMatch(/^gradient\//);
  });
});

test("what had several users and now has one is not fused with it: a barrier is between", () => {
  const graph = stepOf(residual, 8);
  const after = recompute(4).run(graph);
  const [before, now] = [countUses(graph), countUses(after)];
  const relus = after.nodes.filter((node) => node.op === "Relu" && !isRecomputed(node));
  const products = relus.map(({ inputs: [product] }) => product!);
  // relu(x w) is taken by the sum, and its mask by the gradient.
  expect(products.some(({ node }) => node.op === "Bitcast")).toBe(true);
  for (const product of products.filter(({ node }) => node.op !== "Bitcast")) {
    expect(now(product) > 1 || before(product) <= 1).toBe(true);
  }
});

test("a graph without gradients stays as it is, and so does one segment", () => {
  const forward = stepOf(dense, 4);
  const { loss } = forward.outputs;
  const graph = makeGraph({ loss: loss! });
  expect(recompute(4).run(graph)).toBe(graph);
  expect(recompute(1).run(forward)).toBe(forward);
});
