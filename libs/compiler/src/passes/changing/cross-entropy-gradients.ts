import {
  type Node,
  producerOf,
  reduce,
  reshape,
  sameShape,
  sameValue,
  simpleCall,
  sizeOf,
  splatOf,
  typeOf,
  type Value,
} from "@anneal/graph";
import { withoutReshape } from "../reshapes.ts";
import { isAddition, sumOf } from "../sums.ts";
import { isComplement, isMaskOf, isSumOfSoftmax, oddsOf, probabilitiesOf, sumsUp } from "./clipped-probabilities.ts";

/** The Softmax or Sigmoid whose outputs a value is, clipped for a logarithm by a clip that may go; null for every other value. */
export type Clipped = (value: Value) => Node | null;

/** `d - sum(d) p` with `d = w p`: the terms of `w` that came through a logarithm are `g / c`, and `d` is `g`. */
export function throughSoftmax(node: Node, clipped: Clipped): Value | null {
  const found = softmaxGradientOf(node);
  if (found === null) return null;
  const { scope } = node;
  const { shape } = typeOf(found.p);
  const source = producerOf(withoutReshape(found.p), "Softmax")!;
  const { quotients, others } = partsOf(found.w, rowTerms, (value) => throughLogarithm(value, source, clipped));
  if (quotients.length === 0) return null;
  // Of the same logits as the loss, so that both can become one op.
  const p = simpleCall("Softmax", [reshape(source.inputs[0]!, shape, { scope })], { scope });
  const rest = others.map((value) => simpleCall("Mul", [value, p], { scope }));
  const d = sumOf([...quotients.map((value) => reshape(value, shape, { scope })), ...rest], scope);
  const sum = reduce("Sum", d, { axes: [shape.length - 1], keepsDims: true }, { scope });
  return simpleCall("Sub", [d, simpleCall("Mul", [sum, p], { scope })], { scope });
}

function softmaxGradientOf({ inputs: [d, product], outputs }: Node): { readonly w: Value; readonly p: Value } | null {
  const scaled = producerOf(product!, "Mul")?.inputs ?? [];
  const factors = producerOf(d!, "Mul")?.inputs ?? [];
  for (const [index, p] of factors.entries()) {
    const sum = scaled.find((_, place) => sameValue(scaled[1 - place]!, p));
    const isWhole = sum !== undefined && sumsUp(sum, d!) && sameShape(typeOf(p).shape, outputs[0]!.shape);
    const source = producerOf(withoutReshape(p), "Softmax");
    if (isWhole && source !== null && probabilitiesOf(p)?.source === source) return { w: factors[1 - index]!, p };
  }
  return null;
}

/** `s (1 - s) w`: the terms of `w` that came through `log(c / (1 - c)) = x` are the gradient by `x`, each by itself. */
export function throughSigmoid({ inputs: [s, w], outputs, scope }: Node, clipped: Clipped): Value | null {
  const source = producerOf(withoutReshape(s!), "Sigmoid");
  if (source === null) return null;
  const { quotients, others } = partsOf(w!, terms, (value) => throughOdds(value, source, clipped));
  if (quotients.length === 0) return null;
  const whole = quotients.map((value) => reshape(value, outputs[0]!.shape, { scope }));
  return sumOf([...whole, ...others.map((value) => simpleCall("SigmoidGrad", [s!, value], { scope }))], scope);
}

interface Parts {
  /** Each `g` of a term that came through the logarithm. */
  readonly quotients: readonly Value[];
  /** Terms that came another way: probabilities may have other uses. */
  readonly others: readonly Value[];
}

/** Terms of a sum; null for what is none. */
type TermsOf = (value: Value) => readonly Value[] | null;
/** Each `g` that a gradient is made of, if all of it is; null otherwise. */
type QuotientsOf = (gradient: Value) => readonly Value[] | null;

function partsOf(gradient: Value, termsOf: TermsOf, quotientsOf: QuotientsOf): Parts {
  const quotients = quotientsOf(gradient);
  if (quotients !== null) return { quotients, others: [] };
  const parts = termsOf(gradient)?.map((term) => partsOf(term, termsOf, quotientsOf)) ?? [];
  if (parts.every((part) => part.quotients.length === 0)) return { quotients: [], others: [gradient] };
  return { quotients: parts.flatMap((part) => part.quotients), others: parts.flatMap(({ others }) => others) };
}

function terms(value: Value): readonly Value[] | null {
  const { node } = value;
  const { shape } = typeOf(value);
  return isAddition(node) && node.inputs.every((input) => sameShape(typeOf(input).shape, shape)) ? node.inputs : null;
}

/** Terms of a sum to which a number for each row may have been added, or subtracted from it. */
function rowTerms(value: Value): readonly Value[] | null {
  const { op, inputs } = value.node;
  const isShifted = (isAddition(value.node) || op === "Sub") && inputs.length === 2 && isPerRow(inputs[1]!);
  return isShifted ? [inputs[0]!] : terms(value);
}

function isPerRow(value: Value): boolean {
  return typeOf(value).shape.at(-1) === 1;
}

/**
 * `g` of `g / c`, whatever divisions by the sum of probabilities do to it: a number for each row, which they add, makes no
 * difference to the gradient through the softmax.
 */
function throughLogarithm(value: Value, source: Node, clipped: Clipped): readonly Value[] | null {
  const within = (gradient: Value) => throughLogarithm(gradient, source, clipped);
  const { op, inputs } = value.node;
  const [first, second, third] = inputs as [Value, Value, Value];
  const { shape } = typeOf(value);
  if (op === "Reshape") return typeOf(first).shape.at(-1) === shape.at(-1) ? within(first) : null;
  if (op === "Select") return isMaskOf(first, source) && splatOf(third) === 0 ? within(second) : null;
  if (op !== "RealDiv") return allOf(rowTerms(value), within);
  if (isSumOfSoftmax(second, source)) return within(first);
  return sameShape(typeOf(first).shape, shape) && clipped(second) === source ? [first] : null;
}

/** `g` of the gradient of `log(c / (1 - c))` by `c`: `e / (1 - c) + e c / (1 - c)^2`, where `e = g / (c / (1 - c))`. */
function throughOdds(value: Value, source: Node, clipped: Clipped): readonly Value[] | null {
  const within = (gradient: Value) => throughOdds(gradient, source, clipped);
  const [first, second, third] = value.node.inputs as [Value, Value, Value];
  if (value.node.op === "Reshape") return within(first);
  if (value.node.op === "Select") return isMaskOf(first, source) && splatOf(third) === 0 ? within(second) : null;
  const summands = terms(value);
  if (summands === null) return null;
  const g = summands.length === 2 ? numeratorOf(first, second) : null;
  if (g === null) return allOf(summands, within);
  return clipped(g.c) === source ? [g.value] : null;
}

/** All of it goes place by place, so that it makes no difference which of the values have been given another shape. */
function numeratorOf(byDividend: Value, byDivisor: Value): { readonly value: Value; readonly c: Value } | null {
  const [e, rest] = producerOf(byDividend, "RealDiv")?.inputs ?? [];
  const [product, squared] = producerOf(byDivisor, "RealDiv")?.inputs ?? [];
  const [value, odds] = e === undefined ? [] : (producerOf(e, "RealDiv")?.inputs ?? []);
  const c = odds === undefined ? null : oddsOf(withoutReshape(odds));
  if (e === undefined || value === undefined || c === null || product === undefined) return null;
  const square = producerOf(withoutReshape(squared!), "Square");
  const factors = producerOf(product, "Mul")?.inputs ?? [];
  const isOther = (factor: Value) => sameValue(withoutReshape(factor), c);
  const isProduct = factors.some((factor, index) => sameValue(factor, e) && isOther(factors[1 - index]!));
  const isSquared = square !== null && isComplement(withoutReshape(square.inputs[0]!), c);
  const isWhole = isProduct && isSquared && isComplement(withoutReshape(rest!), c);
  return isWhole && sizeOf(typeOf(value).shape) === sizeOf(typeOf(c).shape) ? { value, c } : null;
}

function allOf(summands: readonly Value[] | null, quotientsOf: QuotientsOf): readonly Value[] | null {
  if (summands === null) return null;
  const found = summands.map(quotientsOf);
  return found.some((each) => each === null) ? null : found.flatMap((each) => each!);
}
