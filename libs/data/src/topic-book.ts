import type { TopicBounds, TopicPosition } from "@anneal/contracts";

/** Of samples, one after another: number in the stream, partition, offset. */
export type ItemRecords = Float64Array<ArrayBuffer>;

const wordsPerRecord = 3;

/** The position of a run that has trained nothing of this: of a topic, or of a window of it. */
export function firstPosition({ topic, topicId, ranges, window = 0 }: TopicBounds): TopicPosition {
  const partitions = ranges.map((range) => ({ ...range, next: range.from }));
  return { topic, topicId, pass: Math.max(0, window), index: 0, partitions };
}

/**
 * Which records of a topic the items before a place have used: a function of the items alone, whoever prepared them and when. It is
 * told the records of each item before the item can be trained, and asked in the order of the items.
 */
export class TopicBook {
  readonly #bounds: TopicBounds;
  readonly #items = new Map<number, ItemRecords>();
  /** The records that are used, by their number in the stream, beyond the first that is not. */
  readonly #ahead = new Map<number, { readonly partition: number; readonly offset: number }>();
  readonly #next: Map<number, number>;
  /** The first item that is not counted. */
  #item: number;
  #pass: number;
  /** Number in the stream of the first sample that is not used. */
  #index: number;

  /** @param start where the items from `startItem` on begin */
  constructor(bounds: TopicBounds, start: TopicPosition, startItem: number) {
    this.#bounds = bounds;
    this.#item = startItem;
    this.#pass = start.pass;
    this.#index = start.index;
    this.#next = new Map(start.partitions.map(({ partition, next }) => [partition, next]));
  }

  /** Records that were used before the items that this book counts. */
  noteUsed(records: ItemRecords): void {
    this.#add(records);
  }

  /** The records that an item will use. */
  note(item: number, records: ItemRecords): void {
    if (item >= this.#item) this.#items.set(item, records);
  }

  /** Counts all items before this one. */
  advanceTo(item: number): void {
    for (; this.#item < item; this.#item++) {
      // Not all items are of the training data.
      const records = this.#items.get(this.#item);
      if (records === undefined) continue;
      this.#items.delete(this.#item);
      this.#add(records);
      this.#close();
    }
  }

  /** Where the items that were counted end. */
  get position(): TopicPosition {
    const { topic, topicId, ranges } = this.#bounds;
    const partitions = ranges.map((range) => {
      const { partition, from } = range;
      const ahead = rangesOf([...this.#ahead.values()].filter((record) => record.partition === partition));
      const next = this.#next.get(partition) ?? from;
      return { ...range, next, ...(ahead.length > 0 && { ahead }) };
    });
    return { topic, topicId, pass: this.#pass, index: this.#index, partitions };
  }

  /** Records of the partitions, as far as they were heard of, that are not used yet: those beyond the bounds too. */
  lag(ends: ReadonlyMap<number, number>): number {
    let lag = 0;
    for (const [partition, end] of ends) lag += Math.max(0, end - (this.#next.get(partition) ?? end));
    return Math.max(0, lag - this.#ahead.size);
  }

  #add(records: ItemRecords): void {
    for (let at = 0; at < records.length; at += wordsPerRecord) {
      this.#ahead.set(records[at]!, { partition: records[at + 1]!, offset: records[at + 2]! });
    }
  }

  /** What follows without a gap is behind us; at the end of the stream a new pass begins. */
  #close(): void {
    for (let record = this.#ahead.get(this.#index); record !== undefined; record = this.#ahead.get(this.#index)) {
      this.#ahead.delete(this.#index);
      this.#next.set(record.partition, record.offset + 1);
      this.#index += 1;
    }
    if (this.#index < this.#bounds.numSamples) return;
    this.#pass += 1;
    this.#index = 0;
    // A window is trained once: the next one begins where it ends.
    const isWindow = this.#bounds.window !== undefined;
    for (const { partition, from, to } of this.#bounds.ranges) this.#next.set(partition, isWindow ? to : from);
  }
}

/** Offsets as ranges, ascending, their ends excluded. */
function rangesOf(records: readonly { readonly offset: number }[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const { offset } of records.toSorted((a, b) => a.offset - b.offset)) {
    const last = ranges.at(-1);
    if (last?.[1] === offset) last[1] += 1;
    else ranges.push([offset, offset + 1]);
  }
  return ranges;
}
