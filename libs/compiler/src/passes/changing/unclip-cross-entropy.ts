import {
  type Graph,
  type Node,
  producerOf,
  reducedAxes,
  reshape,
  rewriteUntilStable,
  ruleByOp,
  sameShape,
  sameValue,
  simpleCall,
  splatOf,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";

/**
 * The cross-entropy of a softmax's or a sigmoid's probabilities as that of their logits. TensorFlow.js clips such probabilities to
 * `[1e-7, 1 - 1e-7]` before it takes the logarithm (`categoricalCrossentropy`, `binaryCrossentropy`): where a model is certain and
 * wrong, the loss stays at 16.1 and its gradient is exactly 0, so that it never learns better. Without the clip the loss is that of
 * the logits, at any distance, and so is the gradient. Between the bounds the numbers are the same within rounding.
 *
 * The rules, for `p = softmax(x)` and `s = sigmoid(x)`, probabilities by construction:
 *
 * - `clip(p) = p`, its mask lets everything through, and `sum(p) = 1`
 * - `log(p) = logSoftmax(x)`, and the gradient through both, `(g / p - c) p = g - c p`
 * - `d - sum(d) p = d` where `d` is such a gradient already: what `p / sum(p)` adds to it
 * - `log(s / (1 - s)) = x`, and the gradient through all of it is the gradient itself
 */
export const unclipCrossEntropy: Pass = { name: "unclip-cross-entropy", run };

/** A clip that leaves more than this out is not there for the logarithm's sake. */
const widestMargin = 1e-5;

const isLowest = (bound: number): boolean => bound >= 0 && bound <= widestMargin;
const isHighest = (bound: number): boolean => bound >= 1 - widestMargin;

function run(graph: Graph): Graph {
  return rewriteUntilStable(
    graph,
    ruleByOp({
      Minimum: ({ inputs }) => unclipped(inputs, isHighest),
      Maximum: ({ inputs }) => unclipped(inputs, isLowest),
      Select: unmasked,
      RealDiv: ({ inputs }) => (isSumOfSoftmax(inputs[1]!) ? inputs[0]! : null),
      Log: logarithm,
      Mul: timesSoftmax,
      Sub: projected,
      SigmoidGrad: throughLogit,
    }),
  );
}

function isProbability(value: Value): boolean {
  return producerOf(withoutReshape(value), "Softmax", "Sigmoid") !== null;
}

function unclipped([value, bound]: readonly Value[], isWide: (bound: number) => boolean): Value | null {
  const number = splatOf(bound!);
  const keepsShape = typeOf(bound!).shape.length === 0;
  return number !== null && keepsShape && isWide(number) && isProbability(value!) ? value! : null;
}

/** What a clip's gradient lets through: `select(p >= low && p <= high, gradient, 0)`. */
function unmasked({ inputs: [condition, gradient] }: Node): Value | null {
  const [first, second] = producerOf(withoutReshape(condition!), "LogicalAnd")?.inputs ?? [];
  const low = first === undefined ? null : producerOf(withoutReshape(first), "GreaterEqual");
  const high = second === undefined ? null : producerOf(withoutReshape(second), "LessEqual");
  if (low === null || high === null) return null;
  const isClip = unclipped(low.inputs, isLowest) !== null && unclipped(high.inputs, isHighest) !== null;
  return isClip ? gradient! : null;
}

/** `sum(p)`, a column, or the square of it. */
function isSumOfSoftmax(value: Value): boolean {
  const square = producerOf(value, "Square");
  const sum = producerOf(square === null ? value : square.inputs[0]!, "Sum");
  return sum !== null && producerOf(sum.inputs[0]!, "Softmax") !== null && isColumn(sum);
}

/** Whether a sum is along the last axis, which it keeps. */
function isColumn(sum: Node): boolean {
  const { shape } = typeOf(sum.inputs[0]!);
  return sameShape(sum.outputs[0]!.shape, shape.with(-1, 1)) && sameShape(reducedAxes(sum), [shape.length - 1]);
}

function logarithm({ inputs: [value], outputs, scope }: Node): Value | null {
  const softmax = producerOf(value!, "Softmax");
  if (softmax !== null) return simpleCall("LogSoftmax", softmax.inputs, { scope });
  const odds = oddsOf(value!);
  return odds === null
    ? null
    : reshape(producerOf(withoutReshape(odds), "Sigmoid")!.inputs[0]!, outputs[0]!.shape, { scope });
}

/** `s` of `s / (1 - s)`. */
function oddsOf(value: Value): Value | null {
  const ratio = producerOf(value, "RealDiv");
  const [s, rest] = ratio?.inputs ?? [];
  return s !== undefined && isComplement(rest!, s) && producerOf(withoutReshape(s), "Sigmoid") !== null ? s : null;
}

/** Whether a value is `1 - s`. */
function isComplement(value: Value, s: Value): boolean {
  const difference = producerOf(value, "Sub");
  return difference !== null && splatOf(difference.inputs[0]!) === 1 && sameValue(difference.inputs[1]!, s);
}

/** `(g / p) p = g`, and `(g / p - c) p = g - c p` with a number `c` for each row. */
function timesSoftmax({ inputs, outputs, scope }: Node): Value | null {
  for (const [index, factor] of inputs.entries()) {
    const p = inputs[1 - index]!;
    const difference = producerOf(factor, "Sub");
    const [ratio, perRow] = difference?.inputs ?? [factor];
    const gradient = ratioBySoftmax(ratio!, p);
    if (gradient === null || !sameShape(typeOf(gradient).shape, outputs[0]!.shape)) continue;
    if (perRow === undefined) return gradient;
    return simpleCall("Sub", [gradient, simpleCall("Mul", [perRow, p], { scope })], { scope });
  }
  return null;
}

/** `g` of `g / p`. */
function ratioBySoftmax(value: Value, p: Value): Value | null {
  const ratio = producerOf(p, "Softmax") === null ? null : producerOf(value, "RealDiv");
  return ratio !== null && sameValue(ratio.inputs[1]!, p) ? ratio.inputs[0]! : null;
}

/** `d - sum(d) p = d` for `d = g - sum(g) p`, which has no sum any more. */
function projected(node: Node): Value | null {
  const inner = projection(node);
  return inner !== null && producerOf(inner, "Sub") !== null && projection(inner.node) !== null ? inner : null;
}

/** `d` of `d - sum(d) p`: the gradient through a softmax. */
function projection({ inputs: [d, product] }: Node): Value | null {
  const factors = producerOf(product!, "Mul")?.inputs ?? [];
  for (const [index, factor] of factors.entries()) {
    const sum = producerOf(factor, "Sum");
    const isOwn = sum !== null && sameValue(sum.inputs[0]!, d!) && isColumn(sum);
    if (isOwn && producerOf(factors[1 - index]!, "Softmax") !== null) return d!;
  }
  return null;
}

/**
 * The gradient by `x` of `log(s / (1 - s))`, where `e = g / (s / (1 - s))`:
 * `s (1 - s) (e / (1 - s) + e s / (1 - s)^2) = g`.
 */
function throughLogit({ inputs: [s, gradient], outputs, scope }: Node): Value | null {
  const [byNumerator, byDenominator] = producerOf(withoutReshape(gradient!), "Add", "AddV2")?.inputs ?? [];
  const first = byNumerator === undefined ? null : producerOf(byNumerator, "RealDiv");
  const second = byDenominator === undefined ? null : producerOf(byDenominator, "RealDiv");
  const outer = first === null ? null : producerOf(first.inputs[0]!, "RealDiv");
  if (first === null || second === null || outer === null) return null;
  const odds = oddsOf(outer.inputs[1]!);
  const product = producerOf(second.inputs[0]!, "Mul");
  const square = producerOf(second.inputs[1]!, "Square");
  if (odds === null || product === null || square === null) return null;
  const isWhole =
    sameValue(withoutReshape(odds), withoutReshape(s!)) &&
    isComplement(first.inputs[1]!, odds) &&
    isComplement(square.inputs[0]!, odds) &&
    isProductOf(product, first.inputs[0]!, odds);
  return isWhole ? reshape(outer.inputs[0]!, outputs[0]!.shape, { scope }) : null;
}

function isProductOf({ inputs: [first, second] }: Node, a: Value, b: Value): boolean {
  return (sameValue(first!, a) && sameValue(second!, b)) || (sameValue(first!, b) && sameValue(second!, a));
}

function withoutReshape(value: Value): Value {
  const node = producerOf(value, "Reshape");
  return node === null ? value : node.inputs[0]!;
}
