import { afterAll, describe, expect, test } from "vitest";
import { pipelineOf } from "../lowerings/lowerings.ts";
import { runPasses } from "../passes/run-passes.ts";
import { recomputedPrefix } from "../recompute/build.ts";
import { testTensorflow } from "../test-support/run-graph.ts";
import { traceOnce } from "./both-ways.ts";
import { layerCases } from "./layers/index.ts";
import { buildLayer, layerSubject } from "./subjects.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;

const passes = (recomputeSegments: number) => pipelineOf({ lowering: "graph", recomputeSegments });

let numRecomputed = 0;
// A layer that keeps nothing for its gradient has nothing to compute again.
afterAll(() => expect(numRecomputed).toBeGreaterThan(10));

describe.each(Object.entries(layerCases))("%s, computed again", (_className, cases) => {
  test.each(cases.map((each, index) => [index, each] as const))("case %i has the same bits", (_index, each) => {
    const layer = buildLayer(tf, each);
    const { graph, run } = traceOnce(tensorflow, layerSubject(tf, layer, each, true));
    const { nodes } = runPasses(graph, passes(16)).graph;
    if (nodes.some(({ scope }) => scope.startsWith(recomputedPrefix))) numRecomputed += 1;
    const plain = run(passes(1));
    for (const numSegments of [2, 16]) expect(run(passes(numSegments)), `${numSegments} segments`).toEqual(plain);
    tf.dispose(layer.weights.map((weight) => weight.read()));
  });
});
