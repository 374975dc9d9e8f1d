import { type Graph, type Node, type RewriteContext, reshape, rewriteGraph, ruleByOp, simpleCall } from "@anneal/graph";
import type { Pass } from "../pass.ts";
import { oddsOf, probabilitiesOf } from "./clipped-probabilities.ts";
import { type Clipped, throughSigmoid, throughSoftmax } from "./cross-entropy-gradients.ts";

/**
 * The cross-entropy of a softmax's or a sigmoid's probabilities as that of their logits. TensorFlow.js clips such probabilities to
 * `[1e-7, 1 - 1e-7]` before it takes the logarithm (`categoricalCrossentropy`, `binaryCrossentropy`): where a model is certain and
 * wrong, the loss stays at 16.1 and its gradient is exactly 0, so that it never learns better. Without the clip the loss is that of
 * the logits, at any distance, and so is the gradient. Between the bounds the numbers are the same within rounding.
 *
 * The rules, for `p = softmax(x)`, `s = sigmoid(x)`, and `c` what a clip makes of one of them:
 *
 * - `log(c) = logSoftmax(x)`, and the gradient through both is `g - sum(g) p`, for the gradient `g / c` of the logarithm
 * - `log(c / (1 - c)) = x`, and the gradient through all of it is `g`
 *
 * Each takes the whole of such a form, and is finite whatever the logits are. A clip that anything else needs (`1 / c`, a focal
 * loss, `log(1 - c)` by itself) stays, with everything that is made of it: there it is what keeps numbers finite.
 */
export const unclipCrossEntropy: Pass = { name: "unclip-cross-entropy", run };

function run(graph: Graph): Graph {
  const needed = new Set<Node>();
  // Ends, since every round that is not the last finds clips that are needed and were not known to be.
  for (;;) {
    const { rewritten, clips } = unclip(graph, needed);
    const nodes = new Set(rewritten.nodes);
    const stillThere = [...clips].filter(([clip]) => nodes.has(clip));
    if (stillThere.length === 0) return rewritten;
    for (const [, original] of stillThere) needed.add(original);
  }
}

interface Unclipped {
  readonly rewritten: Graph;
  /** Clips that a form was rewritten to do without: as they are now, and as they were. */
  readonly clips: ReadonlyMap<Node, Node>;
}

/** Rewrites every form whose clips are not among those that something else needs. */
function unclip(graph: Graph, needed: ReadonlySet<Node>): Unclipped {
  const clips = new Map<Node, Node>();
  const ruled = (rule: typeof logarithm) => (node: Node, context: RewriteContext) => {
    const taken: (readonly [Node, Node])[] = [];
    const value = rule(node, (candidate) => {
      const found = probabilitiesOf(candidate);
      if (found === null || !found.areAboveZero) return null;
      const pairs = found.clips.map((clip) => [clip, context.original({ node: clip, index: 0 }).node] as const);
      if (pairs.some(([, original]) => needed.has(original))) return null;
      taken.push(...pairs);
      return found.source;
    });
    if (value !== null) for (const [clip, original] of taken) clips.set(clip, original);
    return value;
  };
  const rules = ruleByOp({ Log: ruled(logarithm), Sub: ruled(throughSoftmax), SigmoidGrad: ruled(throughSigmoid) });
  return { rewritten: rewriteGraph(graph, rules), clips };
}

function logarithm({ inputs: [value], outputs, scope }: Node, clipped: Clipped) {
  const odds = oddsOf(value!);
  const source = clipped(odds ?? value!);
  if (source?.op !== (odds === null ? "Softmax" : "Sigmoid")) return null;
  const logits = reshape(source.inputs[0]!, outputs[0]!.shape, { scope });
  return odds === null ? simpleCall("LogSoftmax", [logits], { scope }) : logits;
}
