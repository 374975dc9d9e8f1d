import { sameValue, verifyGraph } from "@anneal/graph";
import fc from "fast-check";
import { expect, test } from "vitest";
import { pipelineOf } from "../lowerings/lowerings.ts";
import { randomGraphInputs, randomGraphs } from "../test-support/random-graph.ts";
import { largestDifference, opsOf, runGraph, testTensorflow } from "../test-support/run-graph.ts";

const tensorflow = testTensorflow();

test("random graphs have the same numbers after every pass of the pipeline", () => {
  const fired = new Set<string>();
  fc.assert(
    fc.property(randomGraphs(), (graph) => {
      const expected = runGraph(tensorflow, graph, randomGraphInputs);
      let current = graph;
      for (const { name, run } of pipelineOf({ lowering: "graph" })) {
        const after = run(current);
        verifyGraph(after);
        const names = Object.keys(graph.outputs);
        // A graph that did not change was compared before.
        if (names.every((output) => sameValue(after.outputs[output]!, current.outputs[output]!))) continue;
        fired.add(name);
        current = after;
        const actual = runGraph(tensorflow, current, randomGraphInputs);
        for (const output of names) {
          const difference = largestDifference(actual[output]!, expected[output]!);
          expect(difference, `${output} after ${name}: ${opsOf(current)}`).toBeLessThan(1e-4);
        }
      }
    }),
    { seed: 1, numRuns: 60 },
  );
  // A pass that no random graph has anything for shows nothing here; its own tests have to.
  expect([...fired].sort()).toEqual(
    expect.arrayContaining([
      "activation-gradients",
      "bias-add",
      "common-subexpressions",
      "late-broadcasts",
      "late-reshapes",
      "matrix-products",
      "simplify-arithmetic",
      "simplify-movement",
      "softmax",
    ]),
  );
});
