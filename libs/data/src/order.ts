import { RandomStream } from "@anneal/sources";
import { feistelPermutation } from "./feistel.ts";

/** Which sample comes at a place of an epoch: a permutation of 0 .. numSamples - 1. */
export type Order = (place: number) => number;

/**
 * Up to so many samples an order is listed by Fisher and Yates' method, in which every order is as likely. Beyond, every thread would
 * stop for the list at each epoch's border, and keep it: there an order is computed place by place.
 */
export const maxListed = 65_536;

/** The order of an epoch, a function of (seed, epoch) only. */
export function epochOrder(seed: number, epoch: number, numSamples: number): Order {
  if (numSamples > maxListed) return feistelPermutation(seed, epoch, numSamples);
  const listed = epochPermutation(seed, epoch, numSamples);
  return (place) => listed[place]!;
}

function epochPermutation(seed: number, epoch: number, numSamples: number): Uint32Array {
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
 * A number of the sample, uniform in [0, 1), by which splits go: a function of (seed, key) only, so that samples keep their side
 * when others are added. The key is the sample's own, or its index in the source.
 */
export function splitNumber(seed: number, key: number | bigint): number {
  if (typeof key === "number") return new RandomStream("split", seed, 0, key).uniform();
  // The upper half may not be 0: there indices are.
  const upper = Number(key >> 32n) + 1;
  return new RandomStream("split", seed, upper, Number(key & 0xffff_ffffn)).uniform();
}

/** How many of `total` draws fall to each weight: the whole parts, then one more for the largest remainders, the first one of equals. */
export function apportion(weights: readonly number[], total: number): number[] {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const exact = weights.map((weight) => (weight / sum) * total);
  const shares = exact.map(Math.floor);
  const left = total - shares.reduce((all, share) => all + share, 0);
  const byRemainder = exact
    .map((value, part) => ({ part, remainder: value - Math.floor(value) }))
    .sort((a, b) => b.remainder - a.remainder || a.part - b.part);
  for (const { part } of byRemainder.slice(0, left)) shares[part]! += 1;
  return shares;
}
