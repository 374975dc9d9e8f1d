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

/** Of each position of an epoch the part that it is drawn from: each part as often as it is due, spread by (seed, epoch) or evenly. */
export function mixtureOrder(shares: readonly number[], seed: number | null, epoch: number): Uint8Array {
  const total = shares.reduce((all, share) => all + share, 0);
  const parts = new Uint8Array(total);
  if (seed === null) return spreadEvenly(shares, parts);
  let at = 0;
  shares.forEach((share, part) => {
    parts.fill(part, at, at + share);
    at += share;
  });
  const random = new RandomStream("mixture", seed, epoch, 0);
  for (let position = total - 1; position > 0; position--) {
    const other = random.integerBelow(position + 1);
    const part = parts[position]!;
    parts[position] = parts[other]!;
    parts[other] = part;
  }
  return parts;
}

/** The part that is furthest behind what is due comes next. */
function spreadEvenly(shares: readonly number[], parts: Uint8Array): Uint8Array {
  const total = parts.length;
  const taken = shares.map(() => 0);
  for (let position = 0; position < total; position++) {
    let next = 0;
    let furthest = Number.NEGATIVE_INFINITY;
    shares.forEach((share, part) => {
      const behind = (share * (position + 1)) / total - taken[part]!;
      if (taken[part]! < share && behind > furthest) [next, furthest] = [part, behind];
    });
    parts[position] = next;
    taken[next]! += 1;
  }
  return parts;
}
