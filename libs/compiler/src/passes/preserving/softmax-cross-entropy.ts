import {
  attribute,
  constantOf,
  type Graph,
  makeNode,
  type Node,
  producerOf,
  readAttribute,
  reduce,
  reducedAxes,
  reshape,
  rewriteGraph,
  ruleByOp,
  sameShape,
  sameValue,
  scalar,
  simpleCall,
  sizeOf,
  splatOf,
  typeAttribute,
  typeOf,
  type Value,
  type ValueRule,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";

/**
 * The cross-entropy of softmax and labels, and its gradient by the logits, as the one op that gives both. Recognized by what it is
 * made of, so it is the same for the named loss, for tfjs's `tf.losses.softmaxCrossEntropy` and for one that a recipe writes out:
 *
 * - the loss of each row: `sum(labels * logSoftmax(x))`
 * - the gradient by itself: `softmax(x) - labels`, or by way of the log-softmax: `d - sum(d) * softmax(x)` with
 *   `d = g * labels` and one-hot labels
 *
 * Few classes: labels stay vectors. Many: one-hot vectors would be as large as the logits, so labels are given as indices.
 */
export const softmaxCrossEntropy: Pass = { name: "softmax-cross-entropy", run };

/** Vectors of labels are as fast as indices up to here, and take one op in place of five. */
const maxClassesAsVectors = 256;

interface Pair {
  readonly logits: Value;
  readonly labels: Value;
}

function run(graph: Graph): Graph {
  // Gradients are rewritten only where the loss is: alone, they are as well off as they are.
  const pairs = graph.nodes.flatMap((node) => pairOfLoss(node) ?? []);
  const isPair = ({ logits, labels }: Pair, { original }: Context) =>
    pairs.some((pair) => sameValue(pair.logits, original(logits)) && sameValue(pair.labels, original(labels)));
  // Each rule makes the op anew; equal ones are merged by the pass for common subexpressions.
  return rewriteGraph(
    graph,
    ruleByOp({
      Sum: (node) => loss(node),
      Sub: (node, context) => difference(node, context, isPair) ?? throughLogSoftmax(node, context, isPair),
    }),
  );
}

type Context = Parameters<ValueRule>[1];
type IsPair = (pair: Pair, context: Context) => boolean;

/** Logits and labels of a sum over classes of labels times log-softmax; null for every other node. */
function pairOfLoss(node: Node): Pair | null {
  if (node.op !== "Sum" || node.controls.length > 0) return null;
  const { shape, dtype } = typeOf(node.inputs[0]!);
  const product = producerOf(node.inputs[0]!, "Mul");
  const isOverClasses = shape.length >= 2 && sameShape(reducedAxes(node), [shape.length - 1]);
  if (product === null || !isOverClasses || dtype !== "float32") return null;
  for (const [index, labels] of product.inputs.entries()) {
    const softmax = producerOf(product.inputs[1 - index]!, "LogSoftmax");
    const logits = softmax?.inputs[0];
    const areRows = sameShape(typeOf(labels).shape, shape) && constantOf(labels) === null;
    if (logits !== undefined && sameShape(typeOf(logits).shape, shape) && areRows) return { logits, labels };
  }
  return null;
}

function loss(node: Node): Value | null {
  const pair = pairOfLoss(node);
  if (pair === null) return null;
  const { scope } = node;
  const entropy = crossEntropy(pair, scope);
  const rows = entropy.valid === null ? entropy.loss : simpleCall("Mul", [entropy.loss, entropy.valid], { scope });
  return reshape(simpleCall("Neg", [rows], { scope }), node.outputs[0]!.shape, { scope });
}

/** `softmax(x) - labels`, whatever the labels are; or the other way round. */
function difference({ inputs, outputs, scope }: Node, context: Context, isPair: IsPair): Value | null {
  for (const index of [0, 1]) {
    const softmax = producerOf(inputs[index]!, "Softmax");
    const labels = inputs[1 - index]!;
    // With indices in place of vectors, rows without a label would have to be told apart.
    if (softmax === null || !staysVectors(labels)) continue;
    const pair = { logits: softmax.inputs[0]!, labels };
    if (!isPair(pair, context)) continue;
    const { gradient } = crossEntropy(pair, scope);
    const signed = index === 0 ? gradient : simpleCall("Neg", [gradient], { scope });
    return reshape(signed, outputs[0]!.shape, { scope });
  }
  return null;
}

/** `d - sum(d) * softmax(x)` with `d = g * labels`: for one-hot labels `-g (softmax(x) - labels)`, and nothing without a label. */
function throughLogSoftmax({ inputs, outputs, scope }: Node, context: Context, isPair: IsPair): Value | null {
  const [d, product] = inputs as [Value, Value];
  const logits = logitsOfProduct(product, d);
  const scaled = logits === null ? null : scaledLabels(d);
  if (logits === null || scaled === null || !isPair({ logits, labels: scaled.labels }, context)) return null;
  const { gradient, valid, rowsOf } = crossEntropy({ logits, labels: scaled.labels }, scope);
  const { labels, factor } = scaled;
  const has = valid === null ? reduce("Sum", rowsOf(labels), { axes: [1], keepsDims: true }, { scope }) : valid;
  const numRows = typeOf(gradient).shape[0]!;
  const number = splatOf(factor);
  const turned = number === null ? simpleCall("Neg", [factor], { scope }) : scalar(-number);
  const column = sizeOf(typeOf(turned).shape) === 1 ? [] : [numRows, 1];
  const perRow = simpleCall("Mul", [reshape(has, [numRows, 1], { scope }), reshape(turned, column, { scope })], {
    scope,
  });
  return reshape(simpleCall("Mul", [gradient, perRow], { scope }), outputs[0]!.shape, { scope });
}

/** `x` of `sum(d) * softmax(x)`. */
function logitsOfProduct(value: Value, d: Value): Value | null {
  const product = producerOf(value, "Mul");
  for (const [index, factor] of (product?.inputs ?? []).entries()) {
    const softmax = producerOf(factor, "Softmax");
    const sum = producerOf(product!.inputs[1 - index]!, "Sum");
    const rank = typeOf(d).shape.length;
    if (softmax === null || sum === null || !sameValue(sum.inputs[0]!, d)) continue;
    const isColumn = sameShape(sum.outputs[0]!.shape, typeOf(d).shape.with(-1, 1));
    if (isColumn && sameShape(reducedAxes(sum), [rank - 1])) return softmax.inputs[0]!;
  }
  return null;
}

/** One-hot labels times a factor for each row. */
function scaledLabels(d: Value): { readonly labels: Value; readonly factor: Value } | null {
  const product = producerOf(d, "Mul");
  const { shape } = typeOf(d);
  for (const [index, labels] of (product?.inputs ?? []).entries()) {
    const factor = product!.inputs[1 - index]!;
    const own = typeOf(factor).shape;
    const isPerRow = sizeOf(own) === 1 || sameShape(own, shape.with(-1, 1));
    if (isPerRow && sameShape(typeOf(labels).shape, shape) && indicesOf(labels) !== null) return { labels, factor };
  }
  return null;
}

interface CrossEntropy {
  /** float32 `[rows]`. */
  readonly loss: Value;
  /** float32 `[rows, classes]`: of the sum of all losses, by the logits. */
  readonly gradient: Value;
  /** float32 `[rows]`: 1 where there is a label, 0 where loss and gradient do not count; null when there is nothing to do. */
  readonly valid: Value | null;
  readonly rowsOf: (value: Value) => Value;
}

function crossEntropy({ logits, labels }: Pair, scope: string): CrossEntropy {
  const numClasses = typeOf(logits).shape.at(-1)!;
  const numRows = sizeOf(typeOf(logits).shape) / numClasses;
  const rowsOf = (value: Value) => reshape(value, [numRows, numClasses], { scope });
  const indices = indicesOf(labels);
  const type = typeAttribute("T", "float32");
  if (indices === null || staysVectors(labels)) {
    const inputs = [rowsOf(logits), rowsOf(labels)];
    const node = makeNode("SoftmaxCrossEntropyWithLogits", inputs, type, { scope });
    return { loss: { node, index: 0 }, gradient: { node, index: 1 }, valid: null, rowsOf };
  }
  // An index that is no class is a vector of zeros as a vector, but an error as an index.
  const given = reshape(indices, [numRows], { scope });
  const below = simpleCall("Minimum", [given, scalar(numClasses - 1, "int32")], { scope });
  const inRange = simpleCall("Maximum", [below, scalar(0, "int32")], { scope });
  const isClass = simpleCall("Equal", [given, inRange], { scope });
  const cast = makeNode(
    "Cast",
    [isClass],
    { SrcT: attribute.type("bool"), DstT: attribute.type("float32") },
    { scope },
  );
  const attributes = { ...type, Tlabels: attribute.type("int32") };
  const node = makeNode("SparseSoftmaxCrossEntropyWithLogits", [rowsOf(logits), inRange], attributes, { scope });
  return { loss: { node, index: 0 }, gradient: { node, index: 1 }, valid: { node: cast, index: 0 }, rowsOf };
}

function staysVectors(labels: Value): boolean {
  return indicesOf(labels) === null || typeOf(labels).shape.at(-1)! <= maxClassesAsVectors;
}

/** Indices behind one-hot vectors along the last axis, int32; null for labels of any other kind. */
function indicesOf(labels: Value): Value | null {
  const oneHot = producerOf(labels, "OneHot");
  if (oneHot === null) return null;
  const [indices, , on, off] = oneHot.inputs as [Value, Value, Value, Value];
  const axis = readAttribute(oneHot.attributes, "axis", "int") ?? -1;
  const isLast = axis === -1 || axis === oneHot.outputs[0]!.shape.length - 1;
  return isLast && splatOf(on) === 1 && splatOf(off) === 0 && typeOf(indices).dtype === "int32" ? indices : null;
}
