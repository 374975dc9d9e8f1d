import { RandomStream } from "@anneal/sources";
import { maxListed } from "./order.ts";

/** What a place of an epoch is drawn from. */
export interface MixedPlace {
  readonly part: number;
  /** Places before it, in the same epoch, that are drawn from the same part. */
  readonly before: number;
}

/** The parts of all places of one epoch. */
export type Mixture = (place: number) => MixedPlace;

/**
 * Each part as often as it is due (`shares`: places of an epoch), spread by (seed, epoch), or evenly where the seed is null. An epoch of
 * more places than are listed is mixed block by block.
 */
export function mixtureOf(shares: readonly number[], seed: number | null, epoch: number): Mixture {
  const total = sumOf(shares);
  if (total <= maxListed) return listed(mixtureOrder(shares, seed, epoch), shares.length);
  return seed === null ? evenly(shares) : inBlocks(shares, seed, epoch);
}

function listed(parts: Uint8Array, numParts: number): Mixture {
  const counts = new Uint32Array(numParts);
  const before = Uint32Array.from(parts, (part) => counts[part]!++);
  return (place) => ({ part: parts[place]!, before: before[place]! });
}

/** Of each place the part that it is drawn from. */
function mixtureOrder(shares: readonly number[], seed: number | null, epoch: number): Uint8Array {
  const parts = new Uint8Array(sumOf(shares));
  if (seed === null) return spreadEvenly(shares, parts);
  fillWith(parts, shares);
  shuffle(parts, new RandomStream("mixture", seed, epoch, 0));
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

/** The part of which one more is due with this place. */
function evenly(shares: readonly number[]): Mixture {
  return (place) => {
    const [before, after] = [dueBy(place, shares), dueBy(place + 1, shares)];
    const part = before.findIndex((count, part) => after[part]! > count);
    return { part, before: before[part]! };
  };
}

/** Small enough to be made for one place alone, which what is blended asks for. */
const blockSize = 256;

/** What is due of each part in a block, shuffled: within a block by chance, from block to block evenly. */
function inBlocks(shares: readonly number[], seed: number, epoch: number): Mixture {
  const total = sumOf(shares);
  const random = new RandomStream("mixtureBlock", seed, epoch, 0);
  // What is due of a rare part falls into other blocks in each epoch.
  const phase = random.integerBelow(total);
  const beforePhase = dueBy(phase, shares);
  const drawnBefore = (place: number): number[] => {
    const wraps = place + phase >= total;
    const due = dueBy(wraps ? place + phase - total : place + phase, shares);
    return due.map((count, part) => count + (wraps ? shares[part]! : 0) - beforePhase[part]!);
  };
  const parts = new Uint8Array(blockSize);
  const before = new Uint32Array(blockSize);
  let current = -1;

  function open(block: number): void {
    const start = block * blockSize;
    const size = Math.min(blockSize, total - start);
    const drawn = drawnBefore(start);
    const mixed = parts.subarray(0, size);
    const next = drawnBefore(start + size);
    fillWith(
      mixed,
      next.map((count, part) => count - drawn[part]!),
    );
    random.reseed("mixtureBlock", seed, epoch, block + 1);
    shuffle(mixed, random);
    mixed.forEach((part, at) => {
      before[at] = drawn[part]!++;
    });
    current = block;
  }

  return (place) => {
    const block = Math.floor(place / blockSize);
    if (block !== current) open(block);
    const at = place - block * blockSize;
    return { part: parts[at]!, before: before[at]! };
  };
}

/**
 * How many of the first `numPlaces` are due to each part. They add up to `numPlaces`, no part has fewer of more places, and all of them
 * give the shares: the first part has its share of the places, rounded down, the second its share of the others, and so on.
 */
function dueBy(numPlaces: number, shares: readonly number[]): number[] {
  let [places, left] = [BigInt(numPlaces), BigInt(sumOf(shares))];
  return shares.map((share) => {
    // Products of two such numbers are more than a double holds.
    const due = share === 0 ? 0n : (places * BigInt(share)) / left;
    places -= due;
    left -= BigInt(share);
    return Number(due);
  });
}

/** As many of each part as are given, one part after another. */
function fillWith(parts: Uint8Array, counts: readonly number[]): void {
  let at = 0;
  counts.forEach((count, part) => {
    parts.fill(part, at, at + count);
    at += count;
  });
}

function shuffle(parts: Uint8Array, random: RandomStream): void {
  for (let position = parts.length - 1; position > 0; position--) {
    const other = random.integerBelow(position + 1);
    const part = parts[position]!;
    parts[position] = parts[other]!;
    parts[other] = part;
  }
}

function sumOf(shares: readonly number[]): number {
  return shares.reduce((all, share) => all + share, 0);
}
