import {
  constant,
  isSet,
  makeValue,
  type Node,
  producerOf,
  reduce,
  reshape,
  rewriteGraph,
  ruleByOp,
  simpleCall,
  sizeOf,
  splatOf,
  typeAttribute,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";

/**
 * Gradients of biases as what keeps its partial sums in float32 where values are 16-bit floats: `BiasAddGrad` does not, and would need
 * them in float32. Before `mixed-precision`; what stays in float32 is `BiasAddGrad` again after `fused-bias-gradients`.
 */
export const plainBiasGradients: Pass = {
  name: "plain-bias-gradients",
  run: (graph) => rewriteGraph(graph, ruleByOp({ BiasAddGrad: plain })),
};

export const fusedBiasGradients: Pass = {
  name: "fused-bias-gradients",
  run: (graph) => rewriteGraph(graph, ruleByOp({ MatMul: fused })),
};

/** Of so many channels a product with ones takes a third of what `Sum` does (4096 x 1024 in bfloat16); of fewer it is the other way. */
const minProductChannels = 64;

function plain({ inputs, attributes, scope }: Node): Value | null {
  const [gradient] = inputs as [Value];
  const { shape } = typeOf(gradient);
  if (attributes.data_format !== undefined) return null;
  const numChannels = shape.at(-1)!;
  if (numChannels < minProductChannels) {
    return reduce("Sum", gradient, { axes: shape.slice(0, -1).map((_, axis) => axis) }, { scope });
  }
  const numRows = sizeOf(shape) / numChannels;
  const ones = constant({ dtype: "float32", shape: [1, numRows], data: Float32Array.of(1) });
  const rows = reshape(gradient, [numRows, numChannels], { scope });
  return reshape(makeValue("MatMul", [ones, rows], typeAttribute("T", "float32"), { scope }), [numChannels], { scope });
}

/** A row of ones times a float32 matrix is the sum of its rows. */
function fused(node: Node): Value | null {
  const [ones, rows] = node.inputs as [Value, Value];
  const isSum = typeOf(ones).shape[0] === 1 && splatOf(ones) === 1 && !isSet(node, "transpose_a");
  if (!isSum || isSet(node, "transpose_b") || node.outputs[0]!.dtype !== "float32") return null;
  const source = producerOf(rows, "Reshape")?.inputs[0] ?? rows;
  const sameChannels = typeOf(source).shape.length > 1 && typeOf(source).shape.at(-1) === typeOf(rows).shape[1];
  const { scope } = node;
  const sum = simpleCall("BiasAddGrad", [sameChannels ? source : rows], { scope });
  return reshape(sum, node.outputs[0]!.shape, { scope });
}
