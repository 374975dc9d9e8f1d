import { type Node, reduce, rewriteGraph, ruleByOp, typeOf, type Value } from "@anneal/graph";
import type { Pass } from "../pass.ts";

/**
 * Gradients of biases as sums, which keep their partial sums in float32 where values are 16-bit floats: `BiasAddGrad` does not, and
 * would need them in float32. Before `mixed-precision`; what stays in float32 is `BiasAddGrad` again after `bias-add`.
 */
export const summedBiasGradients: Pass = {
  name: "summed-bias-gradients",
  run: (graph) => rewriteGraph(graph, ruleByOp({ BiasAddGrad: asSum })),
};

function asSum({ inputs, attributes, scope }: Node): Value | null {
  const [gradient] = inputs as [Value];
  if (attributes.data_format !== undefined) return null;
  const axes = typeOf(gradient)
    .shape.slice(0, -1)
    .map((_, axis) => axis);
  return reduce("Sum", gradient, { axes }, { scope });
}
