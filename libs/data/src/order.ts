import { RandomStream } from "@anneal/sources";

/** The order of an epoch: a permutation of 0 .. numSamples - 1, by Fisher-Yates, a function of (seed, epoch) only. */
export function epochPermutation(seed: number, epoch: number, numSamples: number): Uint32Array {
  const order = new Uint32Array(numSamples);
  const random = new RandomStream("order", seed, epoch, 0);
  for (let position = 0; position < numSamples; position++) {
    const other = random.integerBelow(position + 1);
    order[position] = order[other]!;
    order[other] = position;
  }
  return order;
}

/**
 * Whether the sample with this index in its source belongs to the held-out share (0..1) of a split: a function of
 * (seed, index) only, so that samples keep their side when others are added.
 */
export function isHeldOut(seed: number, index: number, share: number): boolean {
  return new RandomStream("split", seed, 0, index).uniform() < share;
}
