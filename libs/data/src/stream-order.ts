import { RandomStream } from "@anneal/sources";

/** The samples start .. start + length - 1, which are shuffled among themselves. */
export interface SampleWindow {
  readonly number: number;
  readonly start: number;
}

/** The window that a place of an epoch lies in. */
export function windowOf(position: number, length: number): SampleWindow {
  const number = Math.floor(position / length);
  return { number, start: number * length };
}

/**
 * The order of one window of a stream: a permutation of 0 .. size - 1, a function of (seed, epoch, window) only, so that an epoch can be
 * entered at any window.
 */
export function windowPermutation(seed: number, epoch: number, window: number, size: number): Uint32Array {
  const order = new Uint32Array(size);
  const random = new RandomStream("window", seed, epoch, window);
  for (let position = 0; position < size; position++) {
    const other = random.integerBelow(position + 1);
    order[position] = order[other]!;
    order[other] = position;
  }
  return order;
}
