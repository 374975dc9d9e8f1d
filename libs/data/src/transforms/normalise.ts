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
  const factors = Float64Array.from(stds, (value) => scale / value);
  const offsets = Float64Array.from(means, (value, channel) => -value / stds[channel]!);
  if (channels === 1 || (typeof mean === "number" && typeof std === "number")) {
    const factor = factors[0]!;
    const offset = offsets[0]!;
    return {
      output,
      apply(source, target) {
        for (let i = 0; i < source.length; i++) target[i] = source[i]! * factor + offset;
      },
    };
  }
  return {
    output,
    apply(source, target) {
      for (let i = 0; i < source.length; ) {
        for (let channel = 0; channel < channels; channel++, i++) {
          target[i] = source[i]! * factors[channel]! + offsets[channel]!;
        }
      }
    },
  };
}

function perChannel(name: string, value: number | readonly number[], channels: number): readonly number[] {
  if (typeof value === "number") return Array.from({ length: channels }, () => value);
  if (value.length !== channels) throw new Error(`normalise: ${name} needs ${channels} numbers, not ${value.length}`);
  return value;
}
