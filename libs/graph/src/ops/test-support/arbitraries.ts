import fc from "fast-check";
import type { Attributes } from "../../attributes.ts";
import { attribute } from "../../attributes.ts";
import type { Dtype } from "../../types.ts";
import type { TestCall, TestInput } from "./call.ts";

/** Calls of each op of a family, by the op's name. */
export type CallFamily = Readonly<Record<string, fc.Arbitrary<TestCall>>>;

/** A call before it has a name. */
export interface Arguments {
  readonly inputs: readonly TestInput[];
  readonly attributes?: Attributes;
}

/** Ops that are called alike. */
export function alike(ops: readonly string[], calls: fc.Arbitrary<Arguments>): CallFamily {
  return Object.fromEntries(
    ops.map((op) => [op, calls.map(({ inputs, attributes = {} }) => ({ op, inputs, attributes }))]),
  );
}

export const boolean = fc.boolean();
export const float = fc.constantFrom<Dtype>("float32", "bfloat16");
export const number = fc.constantFrom<Dtype>("float32", "bfloat16", "int32");
export const anyDtype = fc.constantFrom<Dtype>("float32", "bfloat16", "int32", "bool", "uint8", "int64");

export const size = fc.integer({ min: 1, max: 4 });

export function shapeOf(minRank: number, maxRank: number, sizes: fc.Arbitrary<number> = size) {
  return fc.array(sizes, { minLength: minRank, maxLength: maxRank });
}

/** A shape and one of its axes, from the front or the back. */
export function shapeWithAxis(minRank: number, maxRank: number) {
  return shapeOf(minRank, maxRank).chain((shape) =>
    fc.record({ shape: fc.constant(shape), axis: axisIn(shape.length) }),
  );
}

export function axisIn(rank: number): fc.Arbitrary<number> {
  return fc.integer({ min: -rank, max: rank - 1 });
}

/** Shapes that broadcast to one: axes of size 1 in some, and leading axes missing. */
export function broadcastable(numShapes: number, sizes: fc.Arbitrary<number> = fc.integer({ min: 0, max: 3 })) {
  return shapeOf(0, 4, sizes).chain((full) =>
    fc.array(
      fc
        .tuple(fc.integer({ min: 0, max: full.length }), fc.array(boolean, { minLength: 4, maxLength: 4 }))
        .map(([numMissing, keeps]) => full.map((each, axis) => (keeps[axis] ? each : 1)).slice(numMissing)),
      { minLength: numShapes, maxLength: numShapes },
    ),
  );
}

/** Attributes given by plain values: a number is an int, an array ints. */
export function attributes(
  values: Readonly<Record<string, number | boolean | string | readonly number[]>>,
): Attributes {
  const convert = (value: number | boolean | string | readonly number[]) => {
    if (typeof value === "number") return attribute.int(value);
    if (typeof value === "boolean") return attribute.bool(value);
    return typeof value === "string" ? attribute.string(value) : attribute.ints(value);
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, convert(value)]));
}

/** Attributes of which some are left out, to stand for TensorFlow's defaults. */
export function optional(values: Attributes, isLeftOut: boolean): Attributes {
  return isLeftOut ? {} : values;
}
