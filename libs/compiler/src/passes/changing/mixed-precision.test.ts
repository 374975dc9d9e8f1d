import { type Graph, makeGraph, placeholder, typeOf, verifyGraph } from "@anneal/graph";
import type { Tensor } from "@tensorflow/tfjs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type CostModel, cpuCosts, gpuCosts } from "../../precision/kernel-costs.ts";
import { freeCosts } from "../../test-support/free-costs.ts";
import { randomGraphInputs, randomGraphs } from "../../test-support/random-graph.ts";
import { inputsOf } from "../../test-support/recurrence.ts";
import { largestDifference, runGraph, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { trace } from "../../trace/trace.ts";
import { preservingPasses } from "../pipeline.ts";
import { mixedPrecision } from "./mixed-precision.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;

const everywhere = () => true;
const pass = (
  dtype: "bfloat16" | "float16",
  costs: CostModel = freeCosts,
  allows = everywhere as (part: string) => boolean,
) => mixedPrecision({ dtype, costs, allows });

function formatsOf({ nodes }: Graph): Readonly<Record<string, readonly string[]>> {
  const computed = nodes.filter(({ op }) => op !== "Const" && op !== "Placeholder");
  return Object.fromEntries(
    [...Map.groupBy(computed, ({ op }) => op)].map(([op, found]) => [
      op,
      found.map(({ outputs }) => outputs[0]!.dtype),
    ]),
  );
}

const inputs = inputsOf({ x: [64, 256], w: [256, 128], b: [128], labels: [64, 128] });
type Tensors = Readonly<Record<"x" | "w" | "b" | "labels", Tensor>>;

function traceLayer(body: (t: Tensors) => Tensor): Graph {
  const traced = traceFunction(tf, inputs, (t) => ({ y: body(t as never) }));
  return preservingPasses.reduce((graph, each) => each.run(graph), traced);
}

const dense = ({ x, w, b }: Tensors) =>
  x
    .matMul(w as never)
    .add(b)
    .relu();

test("a layer is computed in 16 bits as a whole, its result handed on in float32", () => {
  const graph = traceLayer(dense);
  const painted = pass("bfloat16").run(graph);
  verifyGraph(painted);
  expect(formatsOf(painted)).toEqual({
    Cast: ["bfloat16", "bfloat16", "bfloat16", "float32"],
    MatMul: ["bfloat16"],
    BiasAdd: ["bfloat16"],
    Relu: ["bfloat16"],
  });
  expect(typeOf(painted.outputs.y!).dtype).toBe("float32");
});

test.each([
  ["bfloat16", 9],
  ["float16", 12],
] as const)("%s rounds by what its %d digits leave, and does round", (dtype, digits) => {
  // Of 256 products of two rounded values each, the errors add up as in a random walk.
  const bound = 2 ** -digits * 2 * Math.sqrt(256);
  const graph = traceLayer(dense);
  const plain = runGraph(tensorflow, graph, inputs);
  const half = runGraph(tensorflow, pass(dtype).run(graph), inputs);
  const difference = largestDifference(plain.y!, half.y!);
  expect(difference).toBeGreaterThan(2 ** -20);
  expect(difference).toBeLessThan(bound);
});

test("what has no gain by itself follows values that are rounded already, and rounds none", () => {
  const painted = pass("bfloat16").run(
    traceLayer(({ x, w }) =>
      x
        .mul(2)
        .add(1)
        .matMul(w as never)
        .mul(3),
    ),
  );
  const formats = formatsOf(painted);
  expect(formats.MatMul).toEqual(["bfloat16"]);
  expect(formats.Mul).toEqual(["float32", "bfloat16"]);
  expect(formats.AddV2 ?? formats.Add).toEqual(["float32"]);
});

test("losses, exponentials and sums of squares stay in float32", () => {
  const painted = pass("bfloat16").run(
    traceLayer((t) => {
      const logits = dense(t);
      return tf.losses.softmaxCrossEntropy(t.labels, logits).add(logits.exp().mean());
    }),
  );
  const formats = formatsOf(painted);
  expect(formats.SoftmaxCrossEntropyWithLogits).toEqual(["float32"]);
  expect(formats.Exp).toEqual(["float32"]);
});

test("a value that several take is cast once", () => {
  const painted = pass("bfloat16").run(
    traceLayer(({ x, w }) => x.matMul(w as never).add(x.matMul((w as never as Tensor).neg() as never))),
  );
  const casts = painted.nodes.filter(({ op, outputs }) => op === "Cast" && outputs[0]!.dtype === "bfloat16");
  expect(new Set(casts.map(({ inputs: [value] }) => value!.node)).size).toBe(casts.length);
});

test("nothing is painted where casts cost more than it gains", () => {
  const graph = traceLayer(dense);
  const dear: CostModel = { kernel: () => ({ float32: 2, half: 1 }), cast: () => 100 };
  expect(pass("bfloat16", dear).run(graph).nodes).toEqual(graph.nodes);
});

test("a large product gains on a GPU and on a CPU that has fast ones, a function alone on none", () => {
  for (const costs of [cpuCosts.fast, cpuCosts.slow, gpuCosts]) {
    const large = inputsOf({ x: [512, 1024], w: [1024, 1024] });
    const graph = traceFunction(tf, large, (t) => ({ y: (t.x as never as Tensor).matMul(t.w as never).tanh() }));
    const products = preservingPasses.reduce((current, each) => each.run(current), graph);
    expect(formatsOf(pass("bfloat16", costs).run(products)).MatMul).toEqual([
      costs === cpuCosts.slow ? "float32" : "bfloat16",
    ]);
    const alone = traceFunction(tf, large, (t) => ({ y: (t.x as never as Tensor).tanh().sigmoid() }));
    expect(pass("bfloat16", costs).run(alone).nodes).toEqual(alone.nodes);
  }
});

test("where products of 16 bits are slow nothing of a whole block is painted, its depthwise convolution neither", () => {
  const block = inputsOf({ x: [8, 32, 32, 16], up: [1, 1, 16, 96], each: [3, 3, 96, 1], down: [1, 1, 96, 16] });
  const graph = traceFunction(tf, block, (t) => {
    const wide = tf.relu6(tf.conv2d(t.x as never, t.up as never, 1, "same"));
    const filtered = tf.relu6(tf.depthwiseConv2d(wide as never, t.each as never, 1, "same"));
    return { y: tf.add(tf.conv2d(filtered as never, t.down as never, 1, "same"), t.x as never) };
  });
  const lowered = preservingPasses.reduce((current, each) => each.run(current), graph);
  expect(pass("bfloat16", cpuCosts.slow).run(lowered).nodes).toEqual(lowered.nodes);
  expect(pass("bfloat16", cpuCosts.fast).run(lowered).nodes).not.toEqual(lowered.nodes);
});

test("a part that is not allowed stays in float32", () => {
  const fed = Object.fromEntries(Object.entries(inputs).map(([name, { type }]) => [name, placeholder(name, type)]));
  const { outputs } = trace(tf, {
    inputs: fed,
    variables: [],
    body: ({ x, w }, scope) => {
      const first = scope("first", () => x!.matMul(w as never));
      return { y: scope("second", () => first.matMul(w as never, false, true)) };
    },
  });
  const graph = preservingPasses.reduce((current, each) => each.run(current), makeGraph(outputs));
  const painted = pass("bfloat16", freeCosts, (part) => part !== "second").run(graph);
  const products = painted.nodes.filter(({ op }) => op === "MatMul");
  expect(products.map(({ scope, outputs: [type] }) => [scope, type!.dtype])).toEqual([
    ["first", "bfloat16"],
    ["second", "float32"],
  ]);
});

test("graphs of all kinds keep their types, and their numbers as far as 16 bits go", () => {
  fc.assert(
    fc.property(randomGraphs(), (graph) => {
      const painted = pass("bfloat16").run(graph);
      verifyGraph(painted);
      for (const [name, value] of Object.entries(graph.outputs)) {
        expect(typeOf(painted.outputs[name]!)).toEqual(typeOf(value));
      }
      runGraph(tensorflow, painted, randomGraphInputs);
    }),
    { seed: 7, numRuns: 60 },
  );
});
