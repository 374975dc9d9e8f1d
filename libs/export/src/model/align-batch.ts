import {
  type Attribute,
  type ConstantValue,
  constantOf,
  type Graph,
  isSplat,
  type Node,
  type Value,
} from "@anneal/graph";
import type { Dim } from "./dims.ts";

/** A graph, and the size of the batch that it was traced for. */
export interface TracedAt {
  readonly graph: Graph;
  readonly numSamples: number;
}

/** Which sizes of a graph's values grow with the batch. */
export interface BatchDims {
  readonly dimsOf: (value: Value) => readonly Dim[];
  /** Whole numbers of a constant, of which some may grow with the batch; null for what is no constant of whole numbers. */
  readonly intsOf: (value: Value) => readonly Dim[] | null;
}

/** The graph differs in more than sizes, so that it holds for one size of the batch alone. */
export interface FixedBatch {
  /** Goes on after "the graph ...". */
  readonly reason: string;
}

/**
 * Holds the same function, traced for two sizes of the batch, against each other: node by node they are the same, and sizes that
 * differ are those that grow with the batch. That finds out what no rule of an op says: whether the 12 in `[12, 64]` is two times six
 * samples. The result is of the nodes of `smaller`.
 */
export function alignBatch(smaller: TracedAt, larger: TracedAt): BatchDims | FixedBatch {
  try {
    return align(smaller, larger);
  } catch (error) {
    if (error instanceof Mismatch) return { reason: error.message };
    throw error;
  }
}

/** Every size as it is. */
export function fixedDims(): BatchDims {
  return {
    dimsOf: ({ node, index }) => node.outputs[index]!.shape,
    intsOf: (value) => {
      const found = constantOf(value);
      return found === null ? null : intsOfConstant(found);
    },
  };
}

class Mismatch extends Error {}

function align(smaller: TracedAt, larger: TracedAt): BatchDims {
  const sizes = [smaller.numSamples, larger.numSamples] as const;
  const dims = new Map<Node, readonly (readonly Dim[])[]>();
  const ints = new Map<Node, readonly Dim[]>();
  const numbers = [smaller.graph, larger.graph].map(
    ({ nodes }) => new Map(nodes.map((node, index) => [node, index])),
  ) as [Map<Node, number>, Map<Node, number>];
  if (smaller.graph.nodes.length !== larger.graph.nodes.length)
    throw new Mismatch("has another number of ops for other batches");
  smaller.graph.nodes.forEach((node, index) => {
    const other = larger.graph.nodes[index]!;
    const differ = (what: string): never => {
      throw new Mismatch(`has ${what} for other batches at ${node.op}${node.scope === "" ? "" : ` (${node.scope})`}`);
    };
    if (node.op !== other.op || node.outputs.length !== other.outputs.length) differ("other ops");
    const takesSame =
      node.inputs.length === other.inputs.length &&
      node.inputs.every((input, place) => {
        const { node: otherInput, index: otherIndex } = other.inputs[place]!;
        return numbers[0].get(input.node) === numbers[1].get(otherInput) && input.index === otherIndex;
      });
    if (!takesSame) differ("other inputs");
    const dim = (a: number, b: number): Dim => growth(a, b, sizes) ?? differ("a size that does not grow evenly");
    dims.set(
      node,
      node.outputs.map(({ dtype, shape }, output) => {
        const type = other.outputs[output]!;
        if (dtype !== type.dtype || shape.length !== type.shape.length) differ("other types");
        return shape.map((size, axis) => dim(size, type.shape[axis]!));
      }),
    );
    const [constant, otherConstant] = [node, other].map((each) => constantOf({ node: each, index: 0 }));
    if (constant && otherConstant) {
      const found = alignConstants(constant, otherConstant, dim) ?? differ("other constants");
      if (found !== "same") ints.set(node, found);
    } else if (!sameAttributes(node, other)) differ("other attributes");
  });
  const fixed = fixedDims();
  return {
    dimsOf: ({ node, index }) => dims.get(node)?.[index] ?? fixed.dimsOf({ node, index }),
    intsOf: (value) => ints.get(value.node) ?? fixed.intsOf(value),
  };
}

/** What gives `a` for a batch of the first size and `b` for one of the second. */
function growth(a: number, b: number, [first, second]: readonly [number, number]): Dim | null {
  if (a === b) return a;
  const perSample = (b - a) / (second - first);
  return Number.isInteger(perSample) && a === perSample * first ? { perSample } : null;
}

/** "same", or what of whole numbers grows; null where they differ otherwise. */
function alignConstants(
  a: ConstantValue,
  b: ConstantValue,
  dim: (a: number, b: number) => Dim,
): "same" | readonly Dim[] | null {
  if (a.dtype !== b.dtype) return null;
  const [mine, others] = [a, b].map(({ data }) => data as ArrayLike<unknown>) as [
    ArrayLike<unknown>,
    ArrayLike<unknown>,
  ];
  const isSame = sameList(mine, others);
  if (isSame) {
    // One value that fills a shape which grows is the same constant; a list of values is not.
    const isAlike = a.shape.every((size, axis) => size === b.shape[axis]);
    return isAlike || (isSplat(a) && isSplat(b)) ? "same" : null;
  }
  if (a.dtype !== "int32" || a.data.length !== b.data.length || isSplat(a)) return null;
  return Array.from(mine, (value, index) => dim(Number(value), Number(b.data[index])));
}

function sameList(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (!Object.is(a[index], b[index])) return false;
  return true;
}

function intsOfConstant({ dtype, data, shape }: ConstantValue): readonly number[] | null {
  if (dtype !== "int32" && dtype !== "int64") return null;
  const size = shape.reduce((product, each) => product * each, 1);
  return Array.from({ length: size }, (_, index) => Number(data[data.length === 1 ? 0 : index]));
}

/** Shapes of feeds and variables are compared as types. */
const shapeAttributes = new Set(["shape", "_shape"]);

function sameAttributes(a: Node, b: Node): boolean {
  const known = ({ attributes }: Node) => Object.entries(attributes).filter(([name]) => !shapeAttributes.has(name));
  const [mine, others] = [known(a), known(b)];
  return (
    mine.length === others.length &&
    mine.every(([name, value]) => {
      const other = b.attributes[name];
      return other !== undefined && sameAttribute(value, other);
    })
  );
}

function sameAttribute(a: Attribute, b: Attribute): boolean {
  if (a.kind !== b.kind) return false;
  return JSON.stringify(a.value) === JSON.stringify(b.value);
}
