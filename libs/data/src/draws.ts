import { RandomStream } from "@anneal/sources";
import type { OpenDataset, OpenPart } from "./open.ts";
import { epochPermutation, mixtureOrder } from "./order.ts";
import { windowOf, windowPermutation } from "./stream-order.ts";

/** One sample of an epoch. What becomes of it is a function of this alone. */
export interface Draw {
  readonly part: number;
  /** Place among the part's samples. */
  readonly rank: number;
  /** Index in the part's source. */
  readonly index: number;
  /** What its random numbers depend on, beside its index: no two draws of a run have the same three. */
  readonly seed: number;
  readonly pass: number;
}

export interface DrawOptions {
  readonly seed: number;
  /** False for samples in their own order. */
  readonly shuffle: boolean;
}

/** More attempts than this find no good sample where hardly any is. */
export const maxReplacements = 100;

/** Which sample is at which place of which epoch: a function of (seed, epoch, position), computed anew wherever it is needed. */
export class Draws {
  readonly #dataset: OpenDataset;
  readonly #seed: number;
  /** Of the order; null for samples in their own. */
  readonly #orderSeed: number | null;
  /** Of each part. Prefetch touches two epochs at most, so two are kept. */
  readonly #orders: readonly Map<number, Uint32Array>[];
  /** Of a stream, the window that was asked for last. */
  #window: { readonly epoch: number; readonly number: number; readonly order: Uint32Array } | null = null;
  readonly #mixtures = new Map<number, { readonly parts: Uint8Array; readonly before: Uint32Array }>();

  constructor(dataset: OpenDataset, { seed, shuffle }: DrawOptions) {
    this.#dataset = dataset;
    this.#seed = seed;
    this.#orders = dataset.parts.map(() => new Map<number, Uint32Array>());
    const own = dataset.shuffle;
    this.#orderSeed = !shuffle || own === false ? null : own === true ? seed : own;
  }

  /** The sample at a place of an epoch's order, 0 .. numSamples - 1. */
  at(epoch: number, place: number): Draw {
    const { parts, places } = this.#dataset;
    const position = places?.[place] ?? place;
    if (this.#dataset.isStream) return this.#drawFromStream(epoch, position);
    if (parts.length === 1) return this.#draw(0, epoch, position);
    const mixture = this.#mixtureOf(epoch);
    const part = mixture.parts[position]!;
    const { perEpoch, numSamples } = parts[part]!;
    // Of all that were ever drawn from this part. Data in its own order is read anew each epoch.
    const drawn = (this.#orderSeed === null ? 0 : epoch * perEpoch) + mixture.before[position]!;
    return this.#draw(part, Math.floor(drawn / numSamples), drawn % numSamples, epoch);
  }

  /**
   * The sample that takes the place of one that cannot be read: another of the same part, by chance. Of a stream another of the same
   * batch, the `count` places from `first` on: no other is there.
   */
  replacement(
    epoch: number,
    position: number,
    attempt: number,
    batch: { readonly first: number; readonly count: number },
  ): Draw {
    const bad = this.at(epoch, position);
    const { isStream, parts } = this.#dataset;
    const most = isStream ? batch.count : parts[bad.part]!.numSamples;
    const random = new RandomStream("replacement", this.#seed, epoch, position);
    let rank = 0;
    for (let drawn = 0; drawn < attempt; drawn++) rank = random.integerBelow(most);
    const other = isStream ? this.at(epoch, batch.first + rank) : this.#named(bad.part, rank, bad.pass);
    // Its random numbers are of this place, so that they differ from those of the same sample at its own.
    return { ...other, seed: random.uint32() };
  }

  /** Windows one after another, each in an order of its own. */
  #drawFromStream(epoch: number, position: number): Draw {
    if (this.#orderSeed === null) return this.#named(0, position, epoch);
    const { window, parts } = this.#dataset;
    const { number, start } = windowOf(position, window);
    if (this.#window?.epoch !== epoch || this.#window.number !== number) {
      const size = Math.min(window, parts[0]!.numSamples - start);
      this.#window = { epoch, number, order: windowPermutation(this.#orderSeed, epoch, number, size) };
    }
    return this.#named(0, start + this.#window.order[position - start]!, epoch);
  }

  #draw(part: number, pass: number, place: number, epoch = pass): Draw {
    const { numSamples } = this.#dataset.parts[part]!;
    if (this.#orderSeed === null) {
      const draw = this.#named(part, place, epoch);
      // Data in its own order that comes again within an epoch.
      return pass === epoch || pass === 0 ? draw : { ...draw, seed: partSeed(draw.seed, pass) };
    }
    return this.#named(part, this.#orderOf(part, pass, numSamples)[place]!, pass);
  }

  #named(part: number, rank: number, pass: number): Draw {
    const { indices } = this.#dataset.parts[part]!;
    return { part, rank, index: indices === null ? rank : indices[rank]!, seed: partSeed(this.#seed, part), pass };
  }

  #orderOf(part: number, pass: number, numSamples: number): Uint32Array {
    const orders = this.#orders[part]!;
    let order = orders.get(pass);
    if (order === undefined) {
      order = epochPermutation(partSeed(this.#orderSeed!, part), pass, numSamples);
      orders.set(pass, order);
      forgetOldest(orders);
    }
    return order;
  }

  #mixtureOf(epoch: number) {
    let mixture = this.#mixtures.get(epoch);
    if (mixture === undefined) {
      const parts = mixtureOrder(
        this.#dataset.parts.map(({ perEpoch }) => perEpoch),
        this.#orderSeed,
        epoch,
      );
      mixture = { parts, before: countBefore(parts, this.#dataset.parts) };
      this.#mixtures.set(epoch, mixture);
      forgetOldest(this.#mixtures);
    }
    return mixture;
  }
}

/** Parts of a mixture have unrelated orders and random numbers; the first one those that it would have alone. */
function partSeed(seed: number, part: number): number {
  return part === 0 ? seed : new RandomStream("mixture", seed, 0, part).uint32();
}

/** Of each position how many before it are of the same part. */
function countBefore(parts: Uint8Array, { length }: readonly OpenPart[]): Uint32Array {
  const counts = new Uint32Array(length);
  return Uint32Array.from(parts, (part) => counts[part]!++);
}

function forgetOldest(kept: Map<number, unknown>): void {
  if (kept.size > 2) kept.delete(Math.min(...kept.keys()));
}
