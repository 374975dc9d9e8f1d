import { makeGraph } from "@anneal/graph";
import { GraphSession } from "@anneal/runtime";
import { expect, test } from "vitest";
import { compileProgram } from "../program.ts";
import { largestDifference, runGraph, testTensorflow, traceFunction } from "../test-support/run-graph.ts";
import { loweringPasses, pipelineOf } from "./lowerings.ts";

const tensorflow = testTensorflow();
const { tf, backend } = tensorflow;
const x = {
  type: { dtype: "float32", shape: [16, 24] },
  values: Float32Array.from({ length: 384 }, (_, i) => Math.sin(i)),
} as const;

test("XLA compiles what it is asked to, and computes the same within rounding", () => {
  const graph = traceFunction(tf, { x }, (t) => ({ y: t.x!.tanh().mul(t.x!).add(1).softmax().sum(0) }));
  const plain = runGraph(tensorflow, graph, { x }, loweringPasses.graph);
  const compiled = runGraph(tensorflow, graph, { x }, loweringPasses.xla);
  expect(largestDifference(plain.y!, compiled.y!)).toBeLessThan(1e-5);
  const feeds = graph.nodes.filter(({ op }) => op === "Placeholder").map((node) => ({ node, index: 0 }));
  const { savedModel, signatures } = compileProgram(
    { run: { feeds, fetches: [graph.outputs.y!] } },
    loweringPasses.xla,
  );
  const session = new GraphSession(backend, savedModel);
  const ran = session
    .bindTraced(signatures.run)([x.values])
    .nodes.map(({ label, name }) => `${name} ${label}`);
  session.dispose();
  expect(ran.some((label) => label.includes("XlaRun"))).toBe(true);
});

test("XLA is given nothing that is computed again: it would merge it", () => {
  const namesOf = (lowering: "graph" | "xla") => pipelineOf({ lowering, recomputeSegments: 4 }).map(({ name }) => name);
  expect(namesOf("graph").slice(-2)).toEqual(["recompute", "prompt-releases"]);
  expect(namesOf("xla")).not.toContain("recompute");
});

test("it is asked once", () => {
  const graph = traceFunction(tf, { x }, (t) => ({ y: t.x!.tanh() }));
  const pass = loweringPasses.xla.find(({ name }) => name === "xla");
  const once = pass!.run(graph);
  expect(pass!.run(once).nodes).toEqual(once.nodes);
  expect(makeGraph(once.outputs).nodes.length).toBe(graph.nodes.length);
});
