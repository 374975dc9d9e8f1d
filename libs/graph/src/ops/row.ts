import { type Attributes, type AttributeValues, readAttribute } from "../attributes.ts";
import { bytesOf, type ConstantValue, type Dtype, type TensorType } from "../types.ts";

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

/** How an op takes to 16-bit floats. What a row without one computes stays in float32. */
export interface PrecisionTrait {
  /**
   * "allow": gains by them, and keeps its sums in float32 inside. "infer": as exact as what it is given, so it may follow values that
   * are 16-bit floats already, and is no reason to round any.
   */
  readonly class: "allow" | "infer";
  /** Floats that follow, by index; by default all. The others stay in float32. */
  readonly inputs?: readonly number[];
  readonly outputs?: readonly number[];
  /** Attribute that says the format. By default `T`. */
  readonly attribute?: string;
  /** Of more inputs it stays in float32: each is added to a sum that is rounded every time. */
  readonly maxInputs?: number;
}

export const allow16 = { precision: { class: "allow" } } as const;
export const infer16 = { precision: { class: "infer" } } as const;

/** One op: all that the compiler knows of it. */
export interface OpRow {
  readonly kind: OpKind;
  /** Types of the outputs. Only called with a call that has the op's inputs. */
  readonly infer: (call: OpCall) => readonly TensorType[];
  /** Whether two equal calls may give different results, or a call does more than return: never merged, never folded. */
  readonly stateful?: true;
  /** Whether inputs of other shapes are broadcast to the shape of the output (NumPy's rule). */
  readonly broadcasts?: true;
  /** Whether `f(a, b) = f(b, a)` bit for bit. */
  readonly commutative?: true;
  /** The input whose memory the outputs show, whole or in part, without any of their own; null where a call copies it. */
  readonly viewOf?: (call: OpCall) => number | null;
  /**
   * Inputs whose memory an output of the same type takes for its own once nothing else needs it, as TensorFlow's kernels for
   * CPUs do (`forward_input_or_allocate_output`).
   */
  readonly inPlace?: readonly number[] | "all";
  /** What an op keeps for its gradient, beside its outputs and as long as they live. */
  readonly workspaceBytes?: (call: OpCall) => number;
  readonly precision?: PrecisionTrait;
  /** Multiplications (each with an addition) of a call; what has no products of sums has none. */
  readonly multiplications?: (call: OpCall) => number;
}

export type OpFamily = Readonly<Record<string, OpRow>>;

/** Rows of several ops that differ by their names alone. */
export function rows<const Name extends string>(names: readonly Name[], row: OpRow): Readonly<Record<Name, OpRow>> {
  return Object.fromEntries(names.map((name) => [name, row])) as Record<Name, OpRow>;
}

/** An attribute that TensorFlow gives a default: of the default's value when the node does not have it. */
export function attributeOr<K extends keyof AttributeValues>(
  call: OpCall,
  name: string,
  kind: K,
  fallback: AttributeValues[K],
): AttributeValues[K] {
  return readAttribute(call.attributes, name, kind) ?? fallback;
}

/** Shape of two shapes after broadcasting (NumPy's rule). */
export function broadcastShapes(call: OpCall, a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [x, y] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (x !== y && x !== 1 && y !== 1) call.fail(`cannot broadcast ${format(a)} and ${format(b)}`);
    return x === 1 ? y : x;
  });
}

/** An axis counted from the front, of a tensor of the given rank. */
export function axisOf(call: OpCall, axis: number, rank: number): number {
  const found = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || found < 0 || found >= rank) call.fail(`has the axis ${axis} in ${rank} dimensions`);
  return found;
}

/** The one axis that an input gives as a constant, counted from the front. */
export function constantAxis(call: OpCall, index: number, rank: number): number {
  return axisOf(call, constantInt(call, index), rank);
}

/** The one number that an input gives as a constant. */
export function constantInt(call: OpCall, index: number): number {
  const values = call.constantInts(index);
  if (values.length !== 1) call.fail(`needs one number as its input ${index}, has ${values.length}`);
  return values[0]!;
}

/** An input that has to have this rank. */
export function inputOfRank(call: OpCall, index: number, rank: number): TensorType {
  const found = call.input(index);
  if (found.shape.length !== rank) call.fail(`needs ${rank} dimensions in its input ${index}`);
  return found;
}

export function expectShape(call: OpCall, index: number, shape: readonly number[]): void {
  const found = call.input(index).shape;
  if (found.length !== shape.length || found.some((size, axis) => size !== shape[axis])) {
    call.fail(`needs the shape ${format(shape)} in its input ${index}`);
  }
}

/** Inputs of one number format: TensorFlow converts none. */
export function commonDtype(call: OpCall, indices: readonly number[]): Dtype {
  const [first, ...rest] = indices.map((index) => call.input(index).dtype);
  if (first === undefined) return call.fail("needs an input");
  if (rest.some((dtype) => dtype !== first)) call.fail("needs inputs of one dtype");
  return first;
}

/** For `viewOf` of an op that hands on its first input. */
export const viewOfFirst = (): number => 0;

/**
 * TensorFlow cuts along the first axis without copying, if each part begins where its vectors may
 * (`EIGEN_MAX_ALIGN_BYTES` of its builds for AVX-512).
 */
export function isAligned(type: TensorType): boolean {
  return bytesOf(type) % 64 === 0;
}

export function format(shape: readonly number[]): string {
  return `[${shape.join(",")}]`;
}

export function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}
