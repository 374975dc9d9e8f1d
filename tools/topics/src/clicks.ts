/** One event: what a user was shown, and whether they clicked. */
export interface Click {
  readonly user: number;
  readonly item: number;
  readonly clicked: 0 | 1;
}

const numTastes = 4;

/**
 * Click events of users with tastes, made up: users and items have hidden tastes, and a click is the likelier the better they fit. Tastes
 * of items drift, so that a model that is not trained on gets worse. The same seed gives the same events.
 */
export class ClickStream {
  readonly #users: readonly Float64Array[];
  readonly #items: readonly Float64Array[];
  #state: number;

  constructor({
    numUsers,
    numItems,
    seed,
  }: { readonly numUsers: number; readonly numItems: number; readonly seed: number }) {
    this.#state = seed >>> 0;
    this.#users = Array.from({ length: numUsers }, () => this.#tastes());
    this.#items = Array.from({ length: numItems }, () => this.#tastes());
  }

  next(): Click {
    const user = Math.floor(this.#uniform() * this.#users.length);
    // A few items are shown often, most seldom.
    const item = Math.floor(this.#uniform() ** 2 * this.#items.length);
    const [tastes, offered] = [this.#users[user]!, this.#items[item]!];
    const fit = tastes.reduce((sum, taste, t) => sum + taste * offered[t]!, 0);
    const clicked = this.#uniform() < 1 / (1 + Math.exp(-2 * fit)) ? 1 : 0;
    const drifting = Math.floor(this.#uniform() * numTastes);
    offered[drifting]! += 0.02 * this.#normal();
    return { user, item, clicked };
  }

  #tastes(): Float64Array {
    return Float64Array.from({ length: numTastes }, () => this.#normal());
  }

  /** Box and Muller 1958. */
  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#uniform())) * Math.cos(2 * Math.PI * this.#uniform());
  }

  /** Uniform in [0, 1): mulberry32. */
  #uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
