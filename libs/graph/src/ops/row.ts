import type { Attributes } from "../attributes.ts";
import type { ConstantValue, Dtype, TensorType } from "../types.ts";

/** A call as a shape rule sees it. Each reader fails with an error that names the op and the layer. */
export interface OpCall {
  readonly op: string;
  readonly types: readonly TensorType[];
  readonly attributes: Attributes;
  input(index: number): TensorType;
  type(name: string): Dtype;
  int(name: string): number;
  ints(name: string): readonly number[];
  string(name: string): string;
  bool(name: string): boolean;
  shape(name: string): readonly number[];
  /** The values of an input that has to be a constant: a shape, axes, a size. */
  constant(index: number): ConstantValue;
  constantInts(index: number): readonly number[];
  /** @throws AnnealError TRACE_UNSUPPORTED */
  fail(problem: string): never;
}

/** What kind of work an op does: what passes ask for in place of its name. */
export type OpKind =
  /** One value out for each value in, after broadcasting. */
  | "elementwise"
  | "reduction"
  /** Products and sums over an axis: most of the arithmetic. */
  | "contraction"
  | "pooling"
  | "normalization"
  /** Moves values, computes none. */
  | "movement"
  | "indexing"
  | "random"
  | "source"
  /** Reads or writes a variable. */
  | "state"
  | "control";

/** One op: all that the compiler knows of it. */
export interface OpRow {
  readonly kind: OpKind;
  /** Types of the outputs. Only called with a call that has the op's inputs. */
  readonly infer: (call: OpCall) => readonly TensorType[];
  /** Whether two equal calls may give different results, or a call does more than return: never merged, never folded. */
  readonly stateful?: true;
  /** Whether `f(a, b) = f(b, a)` bit for bit. */
  readonly commutative?: true;
}

export type OpFamily = Readonly<Record<string, OpRow>>;

/** Rows of several ops that differ by their names alone. */
export function rows<const Name extends string>(names: readonly Name[], row: OpRow): Readonly<Record<Name, OpRow>> {
  return Object.fromEntries(names.map((name) => [name, row])) as Record<Name, OpRow>;
}

/** Shape of two shapes after broadcasting (NumPy's rule). */
export function broadcastShapes(call: OpCall, a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [x, y] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (x !== y && x !== 1 && y !== 1) call.fail(`cannot broadcast [${a.join(",")}] and [${b.join(",")}]`);
    return x === 1 ? y : x;
  });
}

/** `axis` counted from the front. */
export function positiveAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
