import type { Entry } from "@anneal/compiler";
import { makeGraph, type Node, type Value } from "@anneal/graph";
import { trainingLoss } from "../recipe-step.ts";
import { batchFeeds, type TraceContext, traceStep } from "./trace-step.ts";

/** What the scopes of a shadow's nodes begin with: no pass computes them in anything but float32. */
const shadowPrefix = "shadow/";

export function isShadow(scope: string): boolean {
  return scope.startsWith(shadowPrefix);
}

/**
 * The loss that training sees, in float32 and without what follows from it: same mode, same random numbers, nothing updated. Feeds:
 * inputs, labels, the step. Fetches the loss, a mean, float32 of shape [].
 */
export function shadowEntry(context: TraceContext): Entry {
  const { numSamples } = context;
  const feeds = batchFeeds(context, `shadow${numSamples}`);
  const { outputs } = traceStep(context, feeds, (step, inputs, labels) => ({
    loss: trainingLoss(step, inputs, labels).asScalar(),
  }));
  return { feeds: feeds.values, fetches: [inShadow(outputs.loss!)] };
}

/** The same value of the same feeds and variables, of nodes of its own. */
function inShadow(value: Value): Value {
  const copies = new Map<Node, Node>();
  const copyOf = (input: Value): Value => ({ node: copies.get(input.node)!, index: input.index });
  for (const node of makeGraph({ value }).nodes) {
    // What has a name is a feed or a variable.
    const copy =
      node.name !== null
        ? node
        : {
            ...node,
            inputs: node.inputs.map(copyOf),
            controls: node.controls.map((control) => copies.get(control)!),
            scope: `${shadowPrefix}${node.scope}`,
          };
    copies.set(node, copy);
  }
  return copyOf(value);
}
