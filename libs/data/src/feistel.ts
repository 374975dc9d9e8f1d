import { RandomStream } from "@anneal/sources";

/** With four a test of differences still sees the network's halves, with six none of ours does: eight leave a margin. */
const numRounds = 8;

/**
 * A permutation of 0 .. size - 1 (size at most 2^32 - 1) that is computed place by place, in the same time for each: nothing is made
 * ahead, nothing is kept. A function of (seed, epoch) only.
 *
 * A Feistel network over pairs (left, right), left below `numLeft` and right below a power of two, of which there are hardly more than
 * `size`. Each round adds a hash of one half under a key to the other half, which can be undone. What comes out beyond the last
 * place goes in again until it does not ("cycle walking"), which takes no place twice either. Black & Rogaway, "Ciphers with Arbitrary
 * Finite Domains", CT-RSA 2002; as a shuffle: Mitchell et al., "Bandwidth-Optimal Random Shuffling for GPUs", 2021 (arXiv 2106.06161).
 */
export function feistelPermutation(seed: number, epoch: number, size: number): (place: number) => number {
  const numBits = Math.max(2, 32 - Math.clz32(size - 1));
  const rightBits = numBits >>> 1;
  const rightMask = (1 << rightBits) - 1;
  const toRight = 32 - rightBits;
  const numLeft = Math.ceil(size / 2 ** rightBits);
  const random = new RandomStream("order", seed, epoch, 0);
  const keys = Int32Array.from({ length: numRounds }, () => random.uint32());
  return (place) => {
    let pair = place;
    do {
      let left = pair >>> rightBits;
      let right = pair & rightMask;
      for (let round = 0; round < numRounds; round += 2) {
        // The upper 16 bits, as a number below numLeft (2^16 at most).
        left += Math.imul(hash(right ^ keys[round]!) >>> 16, numLeft) >>> 16;
        // Less numLeft where that is not below it, without a branch that nobody can predict.
        left -= numLeft & ((numLeft - 1 - left) >> 31);
        right ^= hash(left ^ keys[round + 1]!) >>> toRight;
      }
      pair = ((left << rightBits) | right) >>> 0;
    } while (pair >= size);
    return pair;
  };
}

/** A word whose upper bits depend on all bits of the one given: two thirds of the finaliser of MurmurHash3. */
function hash(word: number): number {
  const half = Math.imul(word, 0x9e37_79b1);
  return Math.imul(half ^ (half >>> 15), 0x85eb_ca6b);
}
