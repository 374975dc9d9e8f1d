import {
  attribute,
  constant,
  type Graph,
  makeGraph,
  makeNode,
  makeValue,
  placeholder,
  reduce,
  reshape,
  scalar,
  simpleCall,
  sizeOf,
  transpose,
  typeOf,
  type Value,
} from "@anneal/graph";
import fc from "fast-check";
import type { Inputs } from "./run-graph.ts";

/**
 * Graphs of elementwise ops, reductions, products and movement over float32, made of the idioms that tfjs writes. Values stay of
 * moderate size; comparisons only see inputs, since a value that rounding moves across zero would show as a difference.
 */
export function randomGraphs(): fc.Arbitrary<Graph> {
  return fc.array(fc.array(fc.nat(997), { minLength: 4, maxLength: 4 }), { minLength: 4, maxLength: 24 }).map(build);
}

const shapes: Readonly<Record<string, readonly number[]>> = {
  a: [2, 3, 4],
  b: [2, 3, 4],
  c: [6, 4],
  v: [4],
  w: [4, 5],
};

/** Values for the inputs of such a graph: none of them is 0. */
export const randomGraphInputs: Inputs = Object.fromEntries(
  Object.entries(shapes).map(([name, shape], index) => [
    name,
    {
      type: { dtype: "float32", shape },
      values: Float32Array.from({ length: sizeOf(shape) }, (_, place) => Math.sin(1 + place * 1.7 + index * 0.9)),
    },
  ]),
);

type Draw = readonly [kind: number, first: number, second: number, third: number];
type Step = (pool: readonly Value[], draw: Draw) => Value | null;

function build(draws: readonly (readonly number[])[]): Graph {
  const inputs = Object.entries(shapes).map(([name, shape]) => placeholder(name, { dtype: "float32", shape }));
  const pool: Value[] = [...inputs];
  for (const draw of draws as readonly Draw[]) {
    const value = steps[draw[0] % steps.length]!(pool, draw);
    // What grows is brought back: products of products would leave float32's range.
    if (value !== null) pool.push(draw[3] % 5 === 0 ? simpleCall("Tanh", [value]) : value);
  }
  return makeGraph(Object.fromEntries(pool.slice(-4).map((value, index) => [`y${index}`, value])));
}

const pick = <T>(items: readonly T[], draw: number): T => items[draw % items.length]!;

const unaryOps = ["Neg", "Neg", "Relu", "Sigmoid", "Tanh", "Identity", "Abs"];
const binaryOps = ["Add", "AddV2", "Sub", "Mul", "Maximum"];
const splats = [0, 1, 1, -1, 2, 0.5];

const steps: readonly Step[] = [
  (pool, [, first, second]) => simpleCall(pick(unaryOps, second), [bounded(pick(pool, first))]),
  (pool, [, first, second, third]) => {
    const a = pick(pool, first);
    const partners = pool.filter((b) => broadcastable(typeOf(a).shape, typeOf(b).shape));
    return simpleCall(pick(binaryOps, third), [a, pick(partners, second)]);
  },
  // With a constant of one value: as a scalar, as a vector, of the whole shape or of a larger one.
  (pool, [, first, second, third]) => {
    const x = pick(pool, first);
    const { shape } = typeOf(x);
    const larger = shape.length < 4 ? [2, ...shape] : shape;
    const own = pick([[], shape, shape.slice(-1), larger], third);
    const splat = constant({ dtype: "float32", shape: own, data: Float32Array.of(pick(splats, second)) });
    return simpleCall(pick(["Add", "Sub", "Mul", "Mul"], first + third), third % 3 === 0 ? [splat, x] : [x, splat]);
  },
  (pool, [, first, second]) => simpleCall("RealDiv", [pick(pool, first), scalar(pick([2, 3, -4, 1], second))]),
  (pool, [, first, second, third]) => {
    const x = pick(pool, first);
    const axes = typeOf(x).shape.flatMap((_, axis) => ((second >> axis) & 1 ? [axis] : []));
    return reduce(pick(["Sum", "Mean", "Max"], third), x, { axes, keepsDims: third % 2 === 0 });
  },
  (pool, [, first, second]) => {
    const x = pick(pool, first);
    const { shape } = typeOf(x);
    const size = sizeOf(shape);
    const last = shape.at(-1) ?? 1;
    return reshape(
      x,
      pick([[size], [size / last, last], [1, ...shape], [...shape, 1], [1, size / last, last]], second),
    );
  },
  (pool, [, first, second]) => {
    const x = pick(pool, first);
    const axes = typeOf(x).shape.map((_, axis) => axis);
    return transpose(x, second % 2 === 0 ? axes.toReversed() : [...axes.slice(0, -2), ...axes.slice(-2).toReversed()]);
  },
  product,
  // Idioms: a bias, an activation's gradient, the softmax's logarithm.
  (pool, [, first]) => {
    const x = pick(pool, first);
    return simpleCall("Add", [x, typeOf(x).shape.at(-1) === 4 ? pool[3]! : scalar(1)]);
  },
  (pool, [, first, second]) => {
    const x = pick(pool.slice(0, 5), second);
    const dy = pool.filter((value) => String(typeOf(value).shape) === String(typeOf(x).shape));
    const positive = simpleCall("Greater", [x, scalar(0)]);
    const cast = { SrcT: attribute.type("bool"), DstT: attribute.type("float32") };
    const mask = makeValue("Cast", [positive], cast);
    return simpleCall("Mul", first % 2 === 0 ? [pick(dy, first), mask] : [mask, pick(dy, first)]);
  },
  (pool, [, first, second]) => {
    const y = pick(pool, first);
    const isTanh = second % 2 === 0;
    const slope = isTanh
      ? simpleCall("Sub", [scalar(1), simpleCall("Square", [y])])
      : simpleCall("Mul", [y, simpleCall("Sub", [scalar(1), y])]);
    return bounded(simpleCall("Mul", [y, slope]));
  },
  (pool, [, first]) => {
    const x = pick(pool, first);
    const { shape } = typeOf(x);
    if (shape.length === 0) return null;
    const axes = { axes: [shape.length - 1], keepsDims: true };
    const shifted = simpleCall("Sub", [x, reduce("Max", x, axes)]);
    const sum = reduce("Sum", simpleCall("Exp", [shifted]), axes);
    return simpleCall("Sub", [shifted, simpleCall("Log", [sum])]);
  },
];

/** A product of a value with itself, or with the matrix `w`. */
function product(pool: readonly Value[], [, first, second, third]: Draw): Value | null {
  const x = pick(pool, first);
  const { shape } = typeOf(x);
  if (shape.length < 2) return null;
  const attributes = (adjX: boolean, adjY: boolean) => ({
    T: attribute.type("float32"),
    adj_x: attribute.bool(adjX),
    adj_y: attribute.bool(adjY),
  });
  if (shape.at(-1) === 4 && second % 2 === 0) {
    const [w, isTransposed] = third % 2 === 0 ? [pool[4]!, false] : [transpose(pool[4]!, [1, 0]), true];
    return { node: makeNode("BatchMatMulV2", [x, w], attributes(false, isTransposed)), index: 0 };
  }
  const adjX = third % 2 === 0;
  return { node: makeNode("BatchMatMulV2", [x, x], attributes(adjX, !adjX)), index: 0 };
}

function bounded(value: Value): Value {
  return sizeOf(typeOf(value).shape) > 1000 ? simpleCall("Tanh", [value]) : value;
}

function broadcastable(a: readonly number[], b: readonly number[]): boolean {
  const rank = Math.max(a.length, b.length);
  const [x, y] = [a, b].map((shape) => [...Array<number>(rank - shape.length).fill(1), ...shape]) as [
    number[],
    number[],
  ];
  return x.every((size, axis) => size === y[axis] || size === 1 || y[axis] === 1);
}
