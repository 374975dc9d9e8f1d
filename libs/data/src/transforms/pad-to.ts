import { numElements, type SampleSpec } from "@anneal/sources";
import type { Transform } from "../transform.ts";

export interface PadToOptions {
  /** Of the first dimension. */
  readonly length: number;
  /** What is put where a sample is shorter; 0 by default. */
  readonly value?: number;
}

/** Samples [?, ...] or [n, ...] as [length, ...]: cut, or filled up. Keeps the dtype. */
export function createPadTo({ length, value = 0 }: PadToOptions, input: SampleSpec): Transform {
  if (!Number.isInteger(length) || length < 1)
    throw new Error(`padTo needs a length: an integer from 1, not ${length}`);
  const [first, ...rest] = input.shape;
  if (first === undefined) throw new Error("padTo needs samples with a dimension, not scalars");
  const shape = [length, ...(rest as readonly number[])];
  const numKept = numElements(shape);
  return {
    output: { shape, dtype: input.dtype },
    apply(source, target) {
      const end = Math.min(numKept, source.length);
      for (let i = 0; i < end; i++) target[i] = source[i]!;
      for (let i = end; i < numKept; i++) target[i] = value;
    },
  };
}
