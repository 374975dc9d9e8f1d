import type { TopicRange } from "@anneal/contracts";

/**
 * The order of the records of several partitions: next comes the partition that has the smallest share of its range behind it, of equal
 * ones the first. So partitions end together however they differ in length, gaps do not matter, and the order is a function of
 * offsets alone: not of which broker answered first, nor of where reading began.
 */
export class PartitionOrder {
  readonly #ranges: readonly TopicRange[];
  /** Of each range, the place of its next record: its share of the range, or infinity at the end. */
  readonly #places: Float64Array;

  /** @param next of each range, the next offset */
  constructor(ranges: readonly TopicRange[], next: readonly number[]) {
    this.#ranges = ranges;
    this.#places = new Float64Array(ranges.length);
    ranges.forEach((_, at) => {
      this.moveTo(at, next[at]!);
    });
  }

  /** The next record of this range is this one, or one behind it. */
  moveTo(at: number, offset: number): void {
    const { from, to } = this.#ranges[at]!;
    this.#places[at] = offset >= to ? Number.POSITIVE_INFINITY : (offset - from) / (to - from);
  }

  /** Which range comes next; -1 at the end of all. */
  first(): number {
    let first = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let at = 0; at < this.#places.length; at++) {
      if (this.#places[at]! < least) {
        first = at;
        least = this.#places[at]!;
      }
    }
    return first;
  }
}
