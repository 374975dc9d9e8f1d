import {
  constantOf,
  type Node,
  opTable,
  producerOf,
  reducedAxes,
  sameShape,
  sameValue,
  splatOf,
  typeOf,
  type Value,
} from "@anneal/graph";
import { withoutReshape } from "../reshapes.ts";

/** What tfjs makes of a softmax's or a sigmoid's outputs before it takes their logarithm: clipped, divided by their sum. */
export interface Probabilities {
  /** A Softmax along the last axis, or a Sigmoid. */
  readonly source: Node;
  /** The clips on the way, each a Minimum or a Maximum. */
  readonly clips: readonly Node[];
  /** Whether one of them keeps the probabilities away from 0: they are for a logarithm. */
  readonly areAboveZero: boolean;
}

/** A clip that leaves more than this out is not there for the logarithm's sake. tfjs's is 1e-7. */
const widestMargin = 1e-6;

const isLowest = (bound: number): boolean => bound > 0 && bound <= Math.fround(widestMargin);
const isHighest = (bound: number): boolean => bound >= Math.fround(1 - widestMargin);

/** A value as probabilities that at most a wide clip, a division by their sum and a reshape that keeps rows lie over; or null. */
export function probabilitiesOf(value: Value): Probabilities | null {
  const { node, index } = value;
  if (index !== 0 || typeOf(value).dtype !== "float32") return null;
  return Object.hasOwn(links, node.op) ? links[node.op]!(node) : null;
}

const links: Readonly<Record<string, (node: Node) => Probabilities | null>> = {
  Softmax: plain,
  Sigmoid: plain,
  Reshape(node) {
    const inner = probabilitiesOf(node.inputs[0]!);
    const keepsRows = typeOf(node.inputs[0]!).shape.at(-1) === node.outputs[0]!.shape.at(-1);
    return inner !== null && (keepsRows || inner.source.op === "Sigmoid") ? inner : null;
  },
  Minimum: (node) => clipped(node, isHighest),
  Maximum: (node) => clipped(node, isLowest),
  RealDiv({ inputs: [value, sum] }) {
    return sumsUp(sum!, value!) ? ofSoftmax(probabilitiesOf(value!)) : null;
  },
};

function plain(source: Node): Probabilities | null {
  return areFinite(source.inputs[0]!) ? { source, clips: [], areAboveZero: false } : null;
}

function clipped(node: Node, isWide: (bound: number) => boolean): Probabilities | null {
  const [value, bound] = node.inputs as [Value, Value];
  const inner = isScalar(bound, isWide) ? probabilitiesOf(value) : null;
  if (inner === null) return null;
  return { ...inner, clips: [...inner.clips, node], areAboveZero: inner.areAboveZero || node.op === "Maximum" };
}

/** Whether a value is the sum of a softmax's outputs along their axis: 1, but for what a clip adds. */
export function isSumOfSoftmax(value: Value, source: Node): boolean {
  const sum = producerOf(value, "Sum");
  return sum !== null && sumsUp(value, sum.inputs[0]!) && probabilitiesOf(sum.inputs[0]!)?.source === source;
}

/** What a clip's gradient lets through, `value >= low && value <= high`: every value that these probabilities have unclipped. */
export function isMaskOf(value: Value, source: Node): boolean {
  const [first, second] = producerOf(withoutReshape(value), "LogicalAnd")?.inputs ?? [];
  if (first === undefined || second === undefined) return false;
  return isBounded(first, "GreaterEqual", isLowest, source) && isBounded(second, "LessEqual", isHighest, source);
}

function isBounded(value: Value, op: string, isWide: (bound: number) => boolean, source: Node): boolean {
  const [probabilities, bound] = producerOf(withoutReshape(value), op)?.inputs ?? [];
  if (probabilities === undefined || !isScalar(bound!, isWide)) return false;
  return probabilitiesOf(probabilities)?.source === source;
}

/** `c` of `c / (1 - c)`. */
export function oddsOf(value: Value): Value | null {
  const [c, rest] = producerOf(value, "RealDiv")?.inputs ?? [];
  return c !== undefined && isComplement(rest!, c) ? c : null;
}

/** Whether a value is `1 - c`. */
export function isComplement(value: Value, c: Value): boolean {
  const difference = producerOf(value, "Sub");
  return difference !== null && splatOf(difference.inputs[0]!) === 1 && sameValue(difference.inputs[1]!, c);
}

/** Whether `sum` is that of `value` along the last axis, as a column. */
export function sumsUp(sum: Value, value: Value): boolean {
  const node = producerOf(sum, "Sum");
  if (node === null || !sameValue(node.inputs[0]!, value)) return false;
  const { shape } = typeOf(value);
  return sameShape(typeOf(sum).shape, shape.with(-1, 1)) && sameShape(reducedAxes(node), [shape.length - 1]);
}

function ofSoftmax(found: Probabilities | null): Probabilities | null {
  return found?.source.op === "Softmax" ? found : null;
}

function isScalar(value: Value, is: (number: number) => boolean): boolean {
  const number = typeOf(value).shape.length === 0 ? splatOf(value) : null;
  return number !== null && is(number);
}

/** Kinds of ops whose results are finite in any model that trains at all, and what a step is fed. */
const finiteKinds: ReadonlySet<string> = new Set(["contraction", "pooling", "normalization"]);
const finiteSources = new Set(["Placeholder", "ReadVariableOp"]);
/** Ops that give finite numbers for finite ones. */
const carriers = new Set(
  // biome-ignore format: one list
  ["Add", "AddN", "AddV2", "BiasAdd", "ConcatV2", "Identity", "Mul", "Neg", "Pack", "Relu", "Reshape", "Sub", "Tanh", "Transpose", "Unpack"],
);
/** A constant that is larger may become infinite with others. */
const largestConstant = 1e30;

/**
 * Whether logits are finite as far as the graph says. A class that is masked by an infinity, however that is made, has the
 * probability 0, which a clip makes a finite logarithm; without it, a label's zero times infinity is not a number.
 */
function areFinite(logits: Value, seen = new Set<Node>()): boolean {
  const { node } = logits;
  if (seen.has(node)) return true;
  seen.add(node);
  const numbers = constantOf(logits)?.data;
  if (numbers !== undefined) return numbers.every((number) => Math.abs(Number(number)) <= largestConstant);
  if (finiteKinds.has(opTable[node.op]?.kind ?? "") || finiteSources.has(node.op)) return true;
  if (node.op === "RealDiv") return isSteady(node.inputs[1]!) && areFinite(node.inputs[0]!, seen);
  return carriers.has(node.op) && node.inputs.every((input) => areFinite(input, seen));
}

/** Whether a value is one number that can be divided by: a temperature, what a dropout keeps. */
function isSteady(value: Value): boolean {
  const number = splatOf(value);
  return number !== null && Math.abs(number) >= 1 / largestConstant;
}
