import { isRagged, type SampleSpec, type TypedArray } from "@anneal/sources";
import type { Learner, Transform } from "../transform.ts";

export interface TokeniseOptions {
  /** Words and other signs, or single characters (code points). Default: words. */
  readonly by?: "word" | "character";
  /** Most tokens of the vocabulary, the most frequent ones; default 20,000. */
  readonly maxTokens?: number;
  /** Tokens that are less frequent in the training data are unknown; default 1. */
  readonly minCount?: number;
  /** Whether `A` and `a` are one; by default they are for words. */
  readonly lowercase?: boolean;
  /** Most tokens of a sample, what is beyond is left out; default 512. */
  readonly maxLength?: number;
}

/** Tokens by their number, from `firstToken` on. */
export interface Vocabulary {
  readonly tokens: readonly string[];
}

/** 0 is what a sample is filled up with, 1 what the vocabulary does not have. */
const [unknownToken, firstToken] = [1, 2];
/** Different tokens that are counted at once; beyond, those seen once are forgotten, as in "lossy counting". */
const maxCounted = 1_000_000;

export function learnTokenise(options: TokeniseOptions, input: SampleSpec): Learner<Vocabulary> {
  requireText(input);
  const { maxTokens = 20_000, minCount = 1 } = options;
  const split = splitter(options);
  const counts = new Map<string, number>();
  return {
    add(sample) {
      for (const token of split(sample)) counts.set(token, (counts.get(token) ?? 0) + 1);
      if (counts.size <= maxCounted) return;
      for (const [token, count] of counts) if (count === 1) counts.delete(token);
    },
    state: () => ({
      tokens: [...counts]
        .filter(([, count]) => count >= minCount)
        .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
        .slice(0, maxTokens)
        .map(([token]) => token),
    }),
  };
}

/** Texts (UTF-8 bytes, uint8[?]) as tokens, int32[?]. */
export function createTokenise(options: TokeniseOptions, input: SampleSpec, { tokens }: Vocabulary): Transform {
  requireText(input);
  const { maxLength = 512 } = options;
  if (!Number.isInteger(maxLength) || maxLength < 1) throw new Error("tokenise needs maxLength: an integer from 1");
  const split = splitter(options);
  const numbers = new Map(tokens.map((token, at) => [token, firstToken + at]));
  return {
    output: { shape: [null], dtype: "int32", capacity: maxLength },
    apply(source, target) {
      let length = 0;
      for (const token of split(source)) {
        if (length === maxLength) break;
        target[length] = numbers.get(token) ?? unknownToken;
        length += 1;
      }
      return length;
    },
  };
}

function requireText(input: SampleSpec): void {
  if (!isRagged(input) || input.dtype !== "uint8" || input.shape.length !== 1) {
    throw new Error("tokenise needs texts: uint8[?]");
  }
}

/** A letter or digit begins a word; each other sign stands alone. */
const words = /[\p{L}\p{M}\p{N}_]+|[^\s\p{L}\p{M}\p{N}_]/gu;

function splitter({ by = "word", lowercase = by === "word" }: TokeniseOptions) {
  const decoder = new TextDecoder();
  return (bytes: TypedArray): Iterable<string> => {
    // TextDecoder refuses shared memory: copy first.
    const text = decoder.decode(Uint8Array.from(bytes));
    const folded = lowercase ? text.toLowerCase() : text;
    return by === "character" ? folded : (folded.match(words) ?? []);
  };
}
