import { type Graph, verifyGraph } from "@anneal/graph";
import type { LoadedTensorflow } from "@anneal/runtime";
import { expect } from "vitest";
import type { Pass } from "../passes/pass.ts";
import { type Inputs, largestDifference, opsOf, runGraph } from "./run-graph.ts";

/** Runs a pass over a graph, and both graphs: the numbers must be the same within rounding. Returns what the pass made. */
export function expectSameNumbers(
  tensorflow: LoadedTensorflow,
  graph: Graph,
  inputs: Inputs,
  passes: readonly Pass[],
  tolerance = 2e-5,
): Graph {
  const rewritten = passes.reduce((current, pass) => pass.run(current), graph);
  verifyGraph(rewritten);
  const before = runGraph(tensorflow, graph, inputs);
  const after = runGraph(tensorflow, rewritten, inputs);
  for (const name of Object.keys(before)) {
    expect(largestDifference(after[name]!, before[name]!), `${name} of ${opsOf(rewritten)}`).toBeLessThan(tolerance);
  }
  return rewritten;
}
