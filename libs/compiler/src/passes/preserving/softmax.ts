import {
  type Graph,
  type Node,
  producerOf,
  reducedAxes,
  rewriteUntilStable,
  ruleByOp,
  sameShape,
  sameValue,
  simpleCall,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";
import { withoutReshape } from "../reshapes.ts";

/**
 * The logarithm of the softmax, which tfjs composes of five ops and TensorFlow has as one: `x - max - log(sum(exp(x - max)))`,
 * or `x - logSumExp(x)`. The exponential of it is the softmax.
 */
export const softmax: Pass = { name: "softmax", run };

function run(graph: Graph): Graph {
  return rewriteUntilStable(graph, ruleByOp({ Sub: logSoftmax, Exp: exponential }));
}

function logSoftmax({ inputs, outputs, scope }: Node): Value | null {
  const [a, b] = inputs as [Value, Value];
  const x = ofShifted(a, b) ?? ofLogSumExp(a, b);
  const { dtype, shape } = outputs[0]!;
  if (x === null || dtype !== "float32" || !sameShape(typeOf(x).shape, shape)) return null;
  return simpleCall("LogSoftmax", [x], { scope });
}

/** `x` of `(x - max(x)) - log(sum(exp(x - max(x))))`. */
function ofShifted(shifted: Value, logarithm: Value): Value | null {
  const summed = logOfSumOfExp(logarithm);
  return summed !== null && sameValue(summed, shifted) && isColumn(logarithm, shifted) ? shiftedOf(shifted) : null;
}

/** `x` of `x - (max(x) + log(sum(exp(x - max(x)))))`. */
function ofLogSumExp(x: Value, logSumExp: Value): Value | null {
  const sum = producerOf(withoutReshape(logSumExp), "Add", "AddV2");
  for (const [index, term] of (sum?.inputs ?? []).entries()) {
    const summed = logOfSumOfExp(sum!.inputs[1 - index]!);
    const source = summed === null ? null : shiftedOf(summed);
    if (source !== null && sameValue(source, x) && isLargest(term, x) && isColumn(logSumExp, x)) return x;
  }
  return null;
}

function shiftedOf(value: Value): Value | null {
  const difference = producerOf(value, "Sub");
  if (difference === null) return null;
  const [x, max] = difference.inputs as [Value, Value];
  return isLargest(max, x) && isColumn(max, x) ? x : null;
}

function logOfSumOfExp(value: Value): Value | null {
  const log = producerOf(withoutReshape(value), "Log");
  const sum = log === null ? null : producerOf(withoutReshape(log.inputs[0]!), "Sum");
  const exp = sum !== null && isAlongLast(sum) ? producerOf(sum.inputs[0]!, "Exp") : null;
  return exp?.inputs[0] ?? null;
}

function isLargest(value: Value, x: Value): boolean {
  const max = producerOf(withoutReshape(value), "Max");
  return max !== null && isAlongLast(max) && sameValue(max.inputs[0]!, x);
}

function isAlongLast(reduction: Node): boolean {
  const rank = typeOf(reduction.inputs[0]!).shape.length;
  return rank > 0 && sameShape(reducedAxes(reduction), [rank - 1]);
}

/** Whether a value has one number for each row of `x`, where `x` needs it. */
function isColumn(value: Value, x: Value): boolean {
  return sameShape(typeOf(value).shape, typeOf(x).shape.with(-1, 1));
}

function exponential({ inputs, scope }: Node): Value | null {
  const inner = producerOf(inputs[0]!, "LogSoftmax");
  return inner === null ? null : simpleCall("Softmax", [inner.inputs[0]!], { scope });
}
