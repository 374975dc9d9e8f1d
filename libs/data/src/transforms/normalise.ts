import type { SampleSpec } from "@anneal/sources";
import type { Transform } from "../transform.ts";

export interface NormaliseOptions {
  /** Factor applied first, e.g. 1/255 for bytes. */
  readonly scale?: number;
  /** Subtracted after scaling: one number, or one for each channel (last axis). */
  readonly mean?: number | readonly number[];
  /** Divides last: one number, or one for each channel. */
  readonly std?: number | readonly number[];
}

/** (x * scale - mean) / std, in float32, for inputs of any shape and dtype. */
export function createNormalise(options: NormaliseOptions, input: SampleSpec): Transform {
  const { scale = 1, mean = 0, std = 1 } = options;
  const channels = input.shape.at(-1) ?? 1;
  const means = perChannel("mean", mean, channels);
  const stds = perChannel("std", std, channels);
  if (stds.some((value) => value === 0)) throw new Error("normalise needs a std other than 0");
  const output: SampleSpec = { ...input, dtype: "float32" };
  const numDifferent = typeof mean === "number" && typeof std === "number" ? 1 : channels;
  const factors = means.slice(0, numDifferent).map((_, channel) => scale / stds[channel]!);
  const offsets = means.slice(0, numDifferent).map((value, channel) => -value / stds[channel]!);
  return { output, apply: input.dtype === "uint8" ? byTables(factors, offsets) : byValues(factors, offsets) };
}

type Apply = Transform["apply"];

/** One channel after another, with numbers in place of arrays of them in the inner loop. */
function byValues(factors: readonly number[], offsets: readonly number[]): Apply {
  const step = factors.length;
  return (source, target) => {
    const length = source.length;
    for (let channel = 0; channel < step; channel++) {
      const [factor, offset] = [factors[channel]!, offsets[channel]!];
      for (let i = channel; i < length; i += step) target[i] = source[i]! * factor + offset;
    }
    return undefined;
  };
}

/** What each of a byte's 256 values becomes is computed once. */
function byTables(factors: readonly number[], offsets: readonly number[]): Apply {
  const step = factors.length;
  const tables = factors.map((factor, channel) =>
    Float32Array.from({ length: 256 }, (_, value) => value * factor + offsets[channel]!),
  );
  return (source, target) => {
    const length = source.length;
    for (let channel = 0; channel < step; channel++) {
      const table = tables[channel]!;
      for (let i = channel; i < length; i += step) target[i] = table[source[i]!]!;
    }
    return undefined;
  };
}

function perChannel(name: string, value: number | readonly number[], channels: number): readonly number[] {
  if (typeof value === "number") return Array.from({ length: channels }, () => value);
  if (value.length !== channels) throw new Error(`normalise: ${name} needs ${channels} numbers, not ${value.length}`);
  return value;
}
