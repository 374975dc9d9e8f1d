import type { TopicBounds } from "@anneal/contracts";
import { RandomStream } from "@anneal/sources";
import fc from "fast-check";
import { expect, test } from "vitest";
import { windowOf, windowPermutation } from "./stream-order.ts";
import { firstPosition, TopicBook } from "./topic-book.ts";

/** A stream over two partitions with gaps: the records by their number in it. */
function recordsOf(numSamples: number) {
  const random = new RandomStream("sample", 1, 2, 3);
  const next = [10, 0];
  return Array.from({ length: numSamples }, () => {
    const partition = random.integerBelow(2);
    next[partition]! += 1 + random.integerBelow(2);
    return { partition, offset: next[partition]! - 1 };
  });
}

const numSamples = 60;
const records = recordsOf(numSamples);
const bounds: TopicBounds = {
  topic: "t",
  topicId: "id",
  numSamples,
  ranges: [
    { partition: 0, from: 10, to: 200 },
    { partition: 1, from: 0, to: 200 },
  ],
};

/** The stream's numbers of the samples of each item: windows of samples, shuffled; with every third item of other data. */
function itemsOf(window: number, batchSize: number): readonly (readonly number[] | null)[] {
  const order = Array.from({ length: 2 * numSamples }, (_, place) => {
    const [pass, position] = [Math.floor(place / numSamples), place % numSamples];
    const { number, start } = windowOf(position, window);
    return start + windowPermutation(7, pass, number, Math.min(window, numSamples - start))[position - start]!;
  });
  const batches = Array.from({ length: order.length / batchSize }, (_, b) =>
    order.slice(b * batchSize, (b + 1) * batchSize),
  );
  return batches.flatMap((batch, b) => (b % 3 === 2 ? [batch, null] : [batch]));
}

const asWords = (indices: readonly number[]) =>
  Float64Array.from(indices.flatMap((index) => [index, records[index]!.partition, records[index]!.offset]));

test("a position is a function of the items before it, wherever the book was begun", () => {
  const windows = fc.constantFrom(1, 3, 10, 60, 100);
  const batchSizes = fc.constantFrom(1, 4, 6, 20, 60);
  fc.assert(
    fc.property(windows, batchSizes, fc.nat(200), (window, batchSize, cut) => {
      const items = itemsOf(window, batchSize);
      const whole = new TopicBook(bounds, firstPosition(bounds), 0);
      items.forEach((indices, item) => {
        if (indices !== null) whole.note(item, asWords(indices));
      });
      const start = cut % (items.length + 1);
      whole.advanceTo(start);
      const resumed = new TopicBook(bounds, JSON.parse(JSON.stringify(whole.position)), start);
      // As who reads the topic again finds them.
      const { partitions, index } = whole.position;
      const used = records.flatMap(({ partition, offset }, i) =>
        i >= index && partitions[partition]!.ahead?.some(([from, to]) => from <= offset && offset < to) ? [i] : [],
      );
      resumed.noteUsed(asWords(used));
      for (let item = start; item <= items.length; item++) {
        if (item > start && items[item - 1] !== null) resumed.note(item - 1, asWords(items[item - 1]!));
        whole.advanceTo(item);
        resumed.advanceTo(item);
        expect(resumed.position).toEqual(whole.position);
      }
      expect(whole.position).toEqual({ ...firstPosition(bounds), pass: 2 });
    }),
  );
});

test("says which records are used, and how many are not", () => {
  const book = new TopicBook(bounds, firstPosition(bounds), 0);
  const offsetsOf = (partition: number, indices: readonly number[]) =>
    indices.flatMap((i) => (records[i]!.partition === partition ? [records[i]!.offset] : []));
  book.note(0, asWords([0, 2, 1, 7]));
  book.advanceTo(1);
  const { position } = book;
  expect([position.index, position.pass]).toEqual([3, 0]);
  for (const { partition, next, ahead = [] } of position.partitions) {
    const first = offsetsOf(partition, [0, 1, 2]);
    expect(next).toBe((first.at(-1) ?? bounds.ranges[partition]!.from - 1) + 1);
    expect(ahead).toEqual(offsetsOf(partition, [7]).map((offset) => [offset, offset + 1]));
  }
  const next = position.partitions.map((partition) => partition.next);
  expect(
    book.lag(
      new Map([
        [0, next[0]! + 5],
        [1, next[1]! + 2],
      ]),
    ),
  ).toBe(5 + 2 - 1);
});
