import {
  type Graph,
  type Node,
  producerOf,
  reshape,
  rewriteGraph,
  ruleByOp,
  sameShape,
  sameValue,
  simpleCall,
  splatOf,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";
import { withoutReshape } from "../reshapes.ts";

/**
 * Gradients of activations by TensorFlow's kernels for them, one pass over memory where tfjs's compositions take three or four.
 *
 * The gradient of `relu(x)` is written with `x`; with `relu(x)` in its place it is the same, and nothing needs `x` any more, so
 * that TensorFlow can fuse the activation with the product that makes `x`.
 */
export const activationGradients: Pass = { name: "activation-gradients", run };

function run(graph: Graph): Graph {
  const activated = new Map<Node, Value[]>();
  return rewriteGraph(graph, (node, context) => {
    if (node.op === "Relu") {
      const [input] = node.inputs as [Value];
      activated.set(input.node, [...(activated.get(input.node) ?? []), { node, index: 0 }]);
    }
    return ruleByOp({ Mul: (product) => ofProduct(product, activated) })(node, context);
  });
}

/** Each way to take the two factors of a product. */
function ofProduct({ inputs, outputs, scope }: Node, activated: ReadonlyMap<Node, readonly Value[]>): Value | null {
  const { shape, dtype } = outputs[0]!;
  if (dtype !== "float32") return null;
  for (const [index, dy] of inputs.entries()) {
    const factor = inputs[1 - index]!;
    if (!sameShape(typeOf(dy).shape, shape) || !sameShape(typeOf(factor).shape, shape)) continue;
    const x = positiveOf(factor);
    if (x !== null) {
      const y = activated.get(x.node)?.find(({ node }) => sameValue(node.inputs[0]!, x));
      return simpleCall("ReluGrad", [dy, y ?? x], { scope });
    }
    // The slope of an activation whose outputs were given another shape.
    const slope = withoutReshape(factor);
    const y = sigmoidSlope(slope);
    if (y !== null) return simpleCall("SigmoidGrad", [reshape(y, shape, { scope }), dy], { scope });
    const tangent = tanhSlope(slope);
    if (tangent !== null) return simpleCall("TanhGrad", [reshape(tangent, shape, { scope }), dy], { scope });
  }
  return null;
}

/** `x` of a mask `x > 0`, as float32. */
function positiveOf(value: Value): Value | null {
  const cast = producerOf(value, "Cast");
  const comparison = cast === null ? null : producerOf(cast.inputs[0]!, "Greater");
  if (comparison === null) return null;
  const [x, zero] = comparison.inputs as [Value, Value];
  return splatOf(zero) === 0 && isFloatOf(x, typeOf(value).shape) ? x : null;
}

/** `y` of `y (1 - y)`. */
function sigmoidSlope(value: Value): Value | null {
  const product = producerOf(value, "Mul");
  if (product === null) return null;
  for (const [index, y] of product.inputs.entries()) {
    const rest = oneMinus(product.inputs[1 - index]!);
    if (rest !== null && sameValue(rest, y) && isFloatOf(y, typeOf(value).shape)) return y;
  }
  return null;
}

/** `y` of `1 - y^2`. */
function tanhSlope(value: Value): Value | null {
  const square = oneMinus(value);
  const y = square === null ? null : producerOf(square, "Square")?.inputs[0];
  return y !== null && y !== undefined && isFloatOf(y, typeOf(value).shape) ? y : null;
}

function oneMinus(value: Value): Value | null {
  const difference = producerOf(value, "Sub");
  return difference !== null && splatOf(difference.inputs[0]!) === 1 ? difference.inputs[1]! : null;
}

function isFloatOf(value: Value, shape: readonly number[]): boolean {
  const type = typeOf(value);
  return type.dtype === "float32" && sameShape(type.shape, shape);
}
