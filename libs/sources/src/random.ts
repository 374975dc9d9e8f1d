/**
 * Seeded randomness for order and augmentation.
 *
 * The generator is xoshiro128++ (Blackman & Vigna, "Scrambled Linear Pseudorandom Number Generators", ACM TOMS 2021):
 * four 32-bit words of state, only shifts and additions, so it is fast in JavaScript and the same on every machine.
 * Its state is made from a key by a SplitMix-like sequence with the finaliser of MurmurHash3, so that neighbouring
 * keys (sample 7, sample 8) give unrelated streams.
 */

/** What a stream is for: the same (seed, epoch, index) gives unrelated numbers for each purpose. */
const streamPurposes = {
  order: 1,
  sample: 2,
  split: 3,
  replacement: 4,
  mixture: 5,
  partner: 6,
  window: 7,
  mixtureBlock: 8,
} as const;
export type StreamPurpose = keyof typeof streamPurposes;

/** The finaliser of MurmurHash3 (Appleby, public domain): a bijection of 32-bit words with full avalanche. */
function mix(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return h ^ (h >>> 16);
}

const goldenGamma = 0x9e37_79b9;

/** Folds the words of a key into one, each under a full mix. */
function foldKey(purpose: StreamPurpose, seed: number, epoch: number, index: number): number {
  let key = mix(streamPurposes[purpose] + goldenGamma);
  key = mix((key ^ seed) + goldenGamma);
  key = mix((key ^ epoch) + goldenGamma);
  return mix((key ^ index) + goldenGamma);
}

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

/** A stream of random numbers that is a pure function of its key. Reseeding allocates nothing. */
export class RandomStream {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  constructor(purpose: StreamPurpose, seed: number, epoch: number, index: number) {
    this.reseed(purpose, seed, epoch, index);
  }

  /** Starts the stream of another key: `seed`, `epoch` and `index` are integers, used modulo 2^32. */
  reseed(purpose: StreamPurpose, seed: number, epoch: number, index: number): void {
    const key = foldKey(purpose, seed, epoch, index);
    // Two words of the key enter apart from the fold, so that streams whose folds collide still differ.
    this.#a = mix(key + goldenGamma);
    this.#b = mix((key + Math.imul(2, goldenGamma)) ^ mix(index + 1));
    this.#c = mix((key + Math.imul(3, goldenGamma)) ^ mix(epoch + 0x0100_0001));
    this.#d = mix(key + Math.imul(4, goldenGamma)) | 1; // never the all-zero state
  }

  /** A stream that starts in a given state of the generator, not all zero: to compare with published sequences. */
  static fromState(a: number, b: number, c: number, d: number): RandomStream {
    const stream = new RandomStream("sample", 0, 0, 0);
    stream.#a = a;
    stream.#b = b;
    stream.#c = c;
    stream.#d = d;
    return stream;
  }

  /** Uniform over the integers 0 .. 2^32 - 1. */
  uint32(): number {
    const result = rotateLeft((this.#a + this.#d) | 0, 7) + this.#a;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result >>> 0;
  }

  /** Uniform over [0, 1), in steps of 2^-32. */
  uniform(): number {
    return this.uint32() * 2 ** -32;
  }

  /** Uniform over [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** Uniform over the integers 0 .. bound - 1, without bias (rejection); `bound` is 1 .. 2^32. */
  integerBelow(bound: number): number {
    const ceiling = 2 ** 32 - (2 ** 32 % bound);
    let word = this.uint32();
    while (word >= ceiling) word = this.uint32();
    return word % bound;
  }

  /** Uniform over the integers low .. high, both included. */
  integerBetween(low: number, high: number): number {
    return low + this.integerBelow(high - low + 1);
  }
}
