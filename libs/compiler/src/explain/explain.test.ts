import type { StepExplanation } from "@anneal/contracts";
import { makeGraph, placeholder, variableHandle } from "@anneal/graph";
import { expect, test } from "vitest";
import { testTensorflow } from "../test-support/run-graph.ts";
import { trace } from "../trace/trace.ts";
import { attributeTimings, summarizeParts } from "./attribute-timings.ts";
import { drawStep } from "./draw-step.ts";

const timing = (name: string, op: string, microseconds: number) => ({
  name,
  label: `${name} = ${op}(x)`,
  microseconds,
});

test("a node's time is its fastest run, and its place is told by its name", () => {
  const runs = [
    [timing("dense/MatMul", "_FusedMatMul", 9), timing("gradient/dense/MatMul_1", "MatMul", 30)],
    [
      timing("dense/MatMul", "_FusedMatMul", 7),
      timing("gradient/dense/MatMul_1", "MatMul", 20),
      timing("gradient/dense/MatMul_1", "MatMul", 15),
      timing("recomputed/dense/MatMul", "MatMul", 6),
      timing("dense/kernel/ResourceApplyAdam", "ResourceApplyAdam", 2),
      timing("AddN", "AddN", 1),
    ],
  ];
  expect(attributeTimings(runs, ["dense/kernel"])).toEqual([
    { name: "gradient/dense/MatMul_1", op: "MatMul", part: "dense", phase: "backward", microseconds: 30 },
    { name: "dense/MatMul", op: "_FusedMatMul", part: "dense", phase: "forward", microseconds: 7 },
    { name: "recomputed/dense/MatMul", op: "MatMul", part: "dense", phase: "backward", microseconds: 6 },
    {
      name: "dense/kernel/ResourceApplyAdam",
      op: "ResourceApplyAdam",
      part: "dense",
      phase: "update",
      microseconds: 2,
    },
    { name: "AddN", op: "AddN", part: "", phase: "forward", microseconds: 1 },
  ]);
});

test("parts come in the order of the forward pass, gradients with the part that they belong to", () => {
  const { tf } = testTensorflow();
  const variable = tf.variable(tf.ones([3, 2]));
  const { outputs } = trace(tf, {
    inputs: { x: placeholder("x", { dtype: "float32", shape: [4, 3] }) },
    variables: [{ name: "dense/kernel", variable, handle: variableHandle("k", { dtype: "float32", shape: [3, 2] }) }],
    body: ({ x }, scope) => {
      const f = () => {
        const hidden = scope("dense", () => tf.matMul(x as never, variable as never));
        return scope("loss", () => tf.tanh(hidden).sum()) as never;
      };
      const { value, grads } = tf.variableGrads(f, [variable as never]);
      return { value, gradient: Object.values(grads)[0]! };
    },
  });
  variable.dispose();
  const nodes = attributeTimings([[timing("gradient/dense/MatMul", "MatMul", 5)]], ["dense/kernel"]);
  const parts = summarizeParts(makeGraph(outputs), nodes, ["dense/kernel"]);
  expect(parts.map(({ name, output }) => [name, output])).toEqual([
    ["dense", "float32[4,2]"],
    ["loss", "float32[]"],
  ]);
  expect(parts[0]!.numNodes.backward).toBeGreaterThan(0);
  expect(parts[0]!.microseconds).toEqual({ forward: 0, backward: 5, update: 0 });
});

test("the picture has a box for each part and direction, and escapes names", () => {
  const counts = (forward: number, backward: number, update: number) => ({ forward, backward, update });
  const step: StepExplanation = {
    batchSize: 8,
    numParameters: 1234,
    compileMilliseconds: 5,
    stepMilliseconds: 1.5,
    passes: [],
    memory: { peakBytes: 0, residentBytes: 0, fedBytes: 0, numNodes: 0, alive: [] },
    nodes: [],
    graphDef: new Uint8Array(),
    parts: [
      { name: "a<b>", output: "float32[8,2]", numNodes: counts(2, 3, 1), microseconds: counts(10, 20, 1) },
      { name: "metrics", output: null, numNodes: counts(1, 0, 0), microseconds: counts(2, 0, 0) },
    ],
  };
  const svg = drawStep("my & recipe", step);
  expect(svg).toContain("my &amp; recipe");
  expect(svg).toContain("1,234 parameters");
  expect(svg).not.toContain("a<b>");
  expect(svg.match(/<title>[^<]*<\/title>/g)).toEqual([
    "<title>a&lt;b&gt;, forward: 2 ops, 10 µs</title>",
    "<title>a&lt;b&gt;, backward: 3 ops, 20 µs</title>",
    "<title>a&lt;b&gt;, update: 1 µs</title>",
    "<title>metrics, forward: 1 ops, 2 µs</title>",
  ]);
});
