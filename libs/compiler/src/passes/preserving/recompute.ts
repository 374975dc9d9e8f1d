import { barrier, countUses, type Graph, memoryUseOf, rewriteGraph, sameValue, type Value } from "@anneal/graph";
import { keepOrder } from "../../lowerings/ordered-sums.ts";
import { anchorsOf } from "../../recompute/anchors.ts";
import { type BackwardPass, findBackwardPasses } from "../../recompute/backward-passes.ts";
import { RecomputedGraph } from "../../recompute/build.ts";
import { chooseSegments } from "../../recompute/choose-segments.ts";
import { forwardBuffersOf, forwardValuesOf, fusedPlaces } from "../../recompute/forward-values.ts";
import { planRecomputations, type RecomputationPlan } from "../../recompute/recomputations.ts";
import type { Pass } from "../pass.ts";

/**
 * Activations that are computed again when the backward pass comes to them, in place of being kept until then: less memory for more
 * time, and the same bits. The forward pass is cut into so many segments, at most, of which only what crosses their borders is kept
 * (Chen et al. 2016, arXiv 1604.06174). Comes after the passes that fix how sums are taken: what it repeats, it repeats as it is.
 */
export function recompute(numSegments: number): Pass {
  return { name: "recompute", run: (graph) => run(graph, numSegments) };
}

function run(graph: Graph, numSegments: number): Graph {
  const plans = findBackwardPasses(graph)
    .map((pass) => planPass(graph, pass, numSegments))
    .filter(({ recomputations }) => recomputations.length > 0);
  if (plans.length === 0) return graph;
  const recomputed = new RecomputedGraph(graph, plans, anchorsOf(graph, plans));
  return keepOrder(keepFusions(graph, recomputed));
}

function planPass(graph: Graph, pass: BackwardPass, numSegments: number): RecomputationPlan {
  const values = forwardValuesOf(graph, pass);
  const { forward } = pass;
  const memory = { forward, buffers: forwardBuffersOf(values), fused: fusedPlaces(values) };
  return planRecomputations(pass, values, chooseSegments(memory, numSegments));
}

/**
 * TensorFlow fuses a node with the only one that takes its result (`remapper.cc`), and a fused kernel may round differently. A value that
 * several nodes took and now one does, since the others take what is computed again, reaches that one through a barrier: whatever was
 * not fused is not fused now.
 */
function keepFusions(before: Graph, recomputed: RecomputedGraph): Graph {
  const numUsesBefore = countUses(before);
  const numUses = countUses(recomputed.graph);
  return rewriteGraph(recomputed.graph, (node, { original }) => {
    const inputs = node.inputs.map((input): Value => {
      const made = original(input);
      const origin = recomputed.original(made.node);
      if (origin === undefined || memoryUseOf(origin).viewOf !== null) return input;
      const isAlone = numUses(made) === 1 && numUsesBefore({ node: origin, index: made.index }) > 1;
      return isAlone ? barrier(input, { scope: node.scope }) : input;
    });
    if (inputs.every((input, index) => sameValue(input, node.inputs[index]!))) return null;
    const changed = { ...node, inputs };
    return node.outputs.map((_, index) => ({ node: changed, index }));
  });
}
