import type { SampleSpec } from "@anneal/sources";
import type { Transform } from "../transform.ts";

export interface MaskOptions {
  /** Of the elements of a sample, the share (0..1) that is replaced. */
  readonly share: number;
  /** What they become; by default 1, the unknown token. */
  readonly value?: number;
  /** Elements that are never replaced; by default 0, what samples are filled up with. */
  readonly keep?: number;
}

/** Replaces elements by chance, each on its own: what a model of texts is to fill in or to do without. Keeps shape and dtype. */
export function createMask({ share, value = 1, keep = 0 }: MaskOptions, input: SampleSpec): Transform {
  if (!(share >= 0 && share <= 1)) throw new Error(`mask needs a share within 0..1, not ${share}`);
  return {
    output: input,
    isRandom: true,
    apply(source, target, random) {
      for (let i = 0; i < source.length; i++) {
        const isMasked = random.uniform() < share && source[i] !== keep;
        target[i] = isMasked ? value : source[i]!;
      }
    },
  };
}
