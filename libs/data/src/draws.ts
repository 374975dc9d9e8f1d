import { RandomStream } from "@anneal/sources";
import { type Mixture, mixtureOf } from "./mixture.ts";
import type { OpenDataset } from "./open.ts";
import { epochOrder, type Order } from "./order.ts";
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

/** Orders of a part that are kept at most: of one that comes again and again within an epoch, what is blended asks for any. */
const maxOrders = 16;

/** Which sample is at which place of which epoch: a function of (seed, epoch, position), computed anew wherever it is needed. */
export class Draws {
  readonly #dataset: OpenDataset;
  readonly #seed: number;
  /** Of the order; null for samples in their own. */
  readonly #orderSeed: number | null;
  /** Of each part: of its random numbers. */
  readonly #seeds: readonly number[];
  /** Of each part, by pass: prefetch touches two epochs at most. */
  readonly #orders: readonly Recent<Order>[];
  /** Of a stream, the window that was asked for last. */
  #window: { readonly epoch: number; readonly number: number; readonly order: Uint32Array } | null = null;
  readonly #mixtures: Recent<Mixture>;

  constructor(dataset: OpenDataset, { seed, shuffle }: DrawOptions) {
    const { parts } = dataset;
    this.#dataset = dataset;
    this.#seed = seed;
    const own = dataset.shuffle;
    const orderSeed = !shuffle || own === false ? null : own === true ? seed : own;
    this.#orderSeed = orderSeed;
    this.#seeds = parts.map((_, part) => partSeed(seed, part));
    this.#orders = parts.map(({ numSamples, perEpoch }, part) => {
      const numPasses = Math.ceil(perEpoch / Math.max(1, numSamples));
      const seedOfPart = partSeed(orderSeed ?? 0, part);
      return new Recent((pass) => epochOrder(seedOfPart, pass, numSamples), Math.min(maxOrders, 2 + numPasses));
    });
    const shares = parts.map(({ perEpoch }) => perEpoch);
    this.#mixtures = new Recent((epoch) => mixtureOf(shares, orderSeed, epoch), 2);
  }

  /** The sample at a place of an epoch's order, 0 .. numSamples - 1. */
  at(epoch: number, place: number): Draw {
    const { parts, places } = this.#dataset;
    const position = places?.[place] ?? place;
    if (this.#dataset.isStream) return this.#drawFromStream(epoch, position);
    if (parts.length === 1) return this.#draw(0, epoch, position);
    const { part, before } = this.#mixtures.get(epoch)(position);
    const { perEpoch, numSamples } = parts[part]!;
    // Of all that were ever drawn from this part. Data in its own order is read anew each epoch.
    const drawn = (this.#orderSeed === null ? 0 : epoch * perEpoch) + before;
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
    if (this.#orderSeed === null) {
      const draw = this.#named(part, place, epoch);
      // Data in its own order that comes again within an epoch.
      return pass === epoch || pass === 0 ? draw : { ...draw, seed: partSeed(draw.seed, pass) };
    }
    return this.#named(part, this.#orders[part]!.get(pass)(place), pass);
  }

  #named(part: number, rank: number, pass: number): Draw {
    const { indices } = this.#dataset.parts[part]!;
    return { part, rank, index: indices === null ? rank : indices[rank]!, seed: this.#seeds[part]!, pass };
  }
}

/** Parts of a mixture have unrelated orders and random numbers; the first one those that it would have alone. */
function partSeed(seed: number, part: number): number {
  return part === 0 ? seed : new RandomStream("mixture", seed, 0, part).uint32();
}

/** What belongs to the latest epochs or passes that were asked for. */
class Recent<Value> {
  readonly #make: (number: number) => Value;
  readonly #capacity: number;
  readonly #kept = new Map<number, Value>();
  /** What was asked for last, which mostly is what is asked for next. */
  #last: { readonly number: number; readonly value: Value } | null = null;

  constructor(make: (number: number) => Value, capacity: number) {
    this.#make = make;
    this.#capacity = capacity;
  }

  get(number: number): Value {
    if (this.#last?.number === number) return this.#last.value;
    let value = this.#kept.get(number);
    if (value === undefined) {
      value = this.#make(number);
      this.#kept.set(number, value);
      if (this.#kept.size > this.#capacity) this.#kept.delete(Math.min(...this.#kept.keys()));
    }
    this.#last = { number, value };
    return value;
  }
}
