import {
  constantOf,
  type Node,
  producerOf,
  rewriteUntilStable,
  ruleByOp,
  sameShape,
  sameValue,
  scalar,
  simpleCall,
  sizeOf,
  splatOf,
  typeOf,
  type Value,
  type ValueRule,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";

/**
 * Arithmetic with constants of one value and with signs, as little as it takes: neutral elements are gone, factors in a row are
 * one factor, signs are moved to where they cancel. A constant that only fills a shape becomes one number.
 */
export const simplifyArithmetic: Pass = {
  name: "simplify-arithmetic",
  run: (graph) => rewriteUntilStable(graph, ruleByOp(rules)),
};

type Context = Parameters<ValueRule>[1];

/** Tries rules one after the other. */
function firstOf(...alternatives: readonly ValueRule[]): ValueRule {
  return (node, context) => {
    for (const rule of alternatives) {
      const value = rule(node, context);
      if (value !== null) return value;
    }
    return null;
  };
}

const add = firstOf(neutral(0), addOfNegative, splatAsScalar);
const rules: Readonly<Record<string, ValueRule>> = {
  Add: add,
  AddV2: add,
  Sub: firstOf(neutralRight(0), subtraction, splatAsScalar),
  Mul: firstOf(neutral(1), negativeFactor, factorOfFactor, factorOutside, signOfProduct, splatAsScalar),
  RealDiv: firstOf(neutralRight(1), divisionAsFactor, signOutside, splatAsScalar),
  Neg: negation,
  Pow: firstOf(neutralRight(1), power, splatAsScalar),
  Maximum: splatAsScalar,
  Minimum: splatAsScalar,
  Greater: splatAsScalar,
  GreaterEqual: splatAsScalar,
  Less: splatAsScalar,
  LessEqual: splatAsScalar,
  Sum: signOutside,
  Mean: signOutside,
  Reshape: signOutside,
};

/** `x` for an op of `x` and this number on either side. */
function neutral(number: number): ValueRule {
  return ({ inputs, outputs }) => {
    const [a, b] = inputs as [Value, Value];
    const { shape } = outputs[0]!;
    if (splatOf(b) === number && sameShape(typeOf(a).shape, shape)) return a;
    return splatOf(a) === number && sameShape(typeOf(b).shape, shape) ? b : null;
  };
}

function neutralRight(number: number): ValueRule {
  return ({ inputs, outputs }) => {
    const [a, b] = inputs as [Value, Value];
    return splatOf(b) === number && sameShape(typeOf(a).shape, outputs[0]!.shape) ? a : null;
  };
}

/** A constant of one value whose shape the other input has anyway: a number in place of as many values. */
function splatAsScalar({ op, inputs, outputs, scope }: Node): Value | null {
  for (const [index, value] of inputs.entries()) {
    const { dtype, shape } = typeOf(value);
    const other = inputs[1 - index]!;
    if (shape.length === 0 || (dtype !== "float32" && dtype !== "int32")) continue;
    const number = splatOf(value);
    if (number === null || !sameShape(typeOf(other).shape, outputs[0]!.shape)) continue;
    return simpleCall(op, inputs.with(index, scalar(number, dtype)), { scope });
  }
  return null;
}

/** `a + -b = a - b`. */
function addOfNegative({ inputs, scope }: Node): Value | null {
  const [a, b] = inputs as [Value, Value];
  const negativeB = producerOf(b, "Neg");
  if (negativeB !== null) return simpleCall("Sub", [a, negativeB.inputs[0]!], { scope });
  const negativeA = producerOf(a, "Neg");
  return negativeA === null ? null : simpleCall("Sub", [b, negativeA.inputs[0]!], { scope });
}

/** `a - -b = a + b`, `0 - b = -b`. */
function subtraction({ inputs, outputs, scope }: Node): Value | null {
  const [a, b] = inputs as [Value, Value];
  const negative = producerOf(b, "Neg");
  if (negative !== null) return simpleCall("AddV2", [a, negative.inputs[0]!], { scope });
  return splatOf(a) === 0 && sameShape(typeOf(b).shape, outputs[0]!.shape) ? simpleCall("Neg", [b], { scope }) : null;
}

/** `-1 x = -x`, `-x -y = x y`. */
function negativeFactor({ inputs, outputs, scope }: Node): Value | null {
  const [a, b] = inputs as [Value, Value];
  const { shape } = outputs[0]!;
  if (splatOf(b) === -1 && sameShape(typeOf(a).shape, shape)) return simpleCall("Neg", [a], { scope });
  if (splatOf(a) === -1 && sameShape(typeOf(b).shape, shape)) return simpleCall("Neg", [b], { scope });
  const [negativeA, negativeB] = [producerOf(a, "Neg"), producerOf(b, "Neg")];
  if (negativeA === null || negativeB === null) return null;
  return simpleCall("Mul", [negativeA.inputs[0]!, negativeB.inputs[0]!], { scope });
}

/** `c (d x) = (c d) x`, and `d` may be a sign or a divisor. Only where nobody else needs `d x`: else nothing is saved. */
function factorOfFactor({ inputs, outputs, scope }: Node, context: Context): Value | null {
  const scaled = scaledBy(inputs);
  if (scaled === null || outputs[0]!.dtype !== "float32") return null;
  const inner = innerFactor(scaled.value, context);
  return inner === null ? null : scale(inner.value, scaled.factor * inner.factor, outputs[0]!.shape, scope);
}

/** `(c x) (d y) = (c d) (x y)`: one factor in place of two, and it goes on to the next. */
function factorOutside({ inputs, outputs, scope }: Node, context: Context): Value | null {
  const [a, b] = inputs as [Value, Value];
  const { dtype, shape } = outputs[0]!;
  if (dtype !== "float32" || !sameShape(typeOf(a).shape, shape) || !sameShape(typeOf(b).shape, shape)) return null;
  const [scaledA, scaledB] = [innerFactor(a, context), innerFactor(b, context)];
  if (scaledA === null || scaledB === null || sameValue(a, b)) return null;
  const product = simpleCall("Mul", [scaledA.value, scaledB.value], { scope });
  return scale(product, scaledA.factor * scaledB.factor, shape, scope);
}

/** `(d x) / c = (d / c) x`. */
function divisionAsFactor({ inputs, outputs, scope }: Node, context: Context): Value | null {
  const divisor = splatOf(inputs[1]!);
  if (divisor === null || divisor === 0 || outputs[0]!.dtype !== "float32") return null;
  const inner = innerFactor(inputs[0]!, context);
  return inner === null ? null : scale(inner.value, inner.factor / divisor, outputs[0]!.shape, scope);
}

/** `--x = x`, `-(a - b) = b - a`, `-(c x) = (-c) x`. */
function negation({ inputs, outputs, scope }: Node, context: Context): Value | null {
  const [input] = inputs as [Value];
  const inner = producerOf(input, "Neg");
  if (inner !== null) return inner.inputs[0]!;
  if (context.numUses(context.original(input)) !== 1) return null;
  const difference = producerOf(input, "Sub");
  if (difference !== null) return simpleCall("Sub", [difference.inputs[1]!, difference.inputs[0]!], { scope });
  if (outputs[0]!.dtype !== "float32") return null;
  const factor = innerFactor(input, context);
  return factor === null ? null : scale(factor.value, -factor.factor, outputs[0]!.shape, scope);
}

/** Powers that tfjs's gradients use, by cheaper ops. */
function power({ inputs, outputs, scope }: Node): Value | null {
  const [base, exponent] = inputs as [Value, Value];
  if (outputs[0]!.dtype !== "float32" || !sameShape(typeOf(base).shape, outputs[0]!.shape)) return null;
  switch (splatOf(exponent)) {
    case 0.5:
      return simpleCall("Sqrt", [base], { scope });
    case 1.5:
      return simpleCall("Mul", [base, simpleCall("Sqrt", [base], { scope })], { scope });
    case 2:
      return simpleCall("Square", [base], { scope });
    default:
      return null;
  }
}

/** `f(-x, …) = -f(x, …)`, and the sign goes on to where it may cancel, if there are no more values to turn there. */
function signOutside(node: Node, { numUses, original }: Context): Value | null {
  const [input] = node.inputs as [Value];
  const inner = producerOf(input, "Neg");
  if (inner === null || numUses(original(input)) !== 1) return null;
  if (sizeOf(node.outputs[0]!.shape) > sizeOf(typeOf(input).shape)) return null;
  const inside: Node = { ...node, inputs: node.inputs.with(0, inner.inputs[0]!) };
  return simpleCall("Neg", [{ node: inside, index: 0 }], { scope: node.scope });
}

function signOfProduct(node: Node, context: Context): Value | null {
  const turned: Node = { ...node, inputs: node.inputs.toReversed() };
  return signOutside(node, context) ?? signOutside(turned, context);
}

interface Scaled {
  readonly value: Value;
  readonly factor: number;
}

/** The inputs of a product, where one is a constant of one value that does not broadcast the other. */
function scaledBy(inputs: readonly Value[]): Scaled | null {
  for (const index of [0, 1]) {
    const factor = splatOf(inputs[index]!);
    const value = inputs[1 - index]!;
    if (factor !== null && constantOf(value) === null) {
      const [own, other] = [typeOf(inputs[index]!).shape, typeOf(value).shape];
      if (sizeOf(own) === 1 && own.length <= other.length) return { value, factor };
      if (sameShape(own, other)) return { value, factor };
    }
  }
  return null;
}

function innerFactor(value: Value, { numUses, original }: Context): Scaled | null {
  if (numUses(original(value)) !== 1) return null;
  const product = producerOf(value, "Mul");
  if (product !== null) return scaledBy(product.inputs);
  const negative = producerOf(value, "Neg");
  if (negative !== null) return { value: negative.inputs[0]!, factor: -1 };
  const quotient = producerOf(value, "RealDiv");
  const scaled = quotient === null || splatOf(quotient.inputs[0]!) !== null ? null : scaledBy(quotient.inputs);
  return scaled === null || scaled.factor === 0 ? null : { value: scaled.value, factor: 1 / scaled.factor };
}

/** Null where the factors' product is not a number that float32 holds well, though each of them was. */
function scale(value: Value, factor: number, shape: readonly number[], scope: string): Value | null {
  const magnitude = Math.abs(factor);
  const isSafe = factor === 0 || (magnitude > 1e-30 && magnitude < 1e30);
  if (!isSafe || !sameShape(typeOf(value).shape, shape)) return null;
  return simpleCall("Mul", [value, scalar(factor)], { scope });
}
