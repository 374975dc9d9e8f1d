import type { TopicRange } from "@anneal/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { PartitionOrder } from "./order.ts";

/** The offsets that hold a record, of each of a few partitions. */
const partitions = fc.array(fc.record({ from: fc.nat(50), held: fc.array(fc.boolean(), { maxLength: 40 }) }), {
  minLength: 1,
  maxLength: 5,
});

interface Held {
  readonly range: TopicRange;
  readonly offsets: readonly number[];
}

function heldBy(drawn: readonly { readonly from: number; readonly held: readonly boolean[] }[]): readonly Held[] {
  return drawn.map(({ from, held }, partition) => ({
    range: { partition, from, to: from + held.length },
    offsets: held.flatMap((isHeld, i) => (isHeld ? [from + i] : [])),
  }));
}

/** Merges as a reader does that knows heads at times only: `knows` says when it has looked. */
function merge(held: readonly Held[], next: readonly number[], knows: () => boolean): string[] {
  const order = new PartitionOrder(
    held.map(({ range }) => range),
    next,
  );
  const left = held.map(({ offsets }, at) => offsets.filter((offset) => offset >= next[at]!));
  const known = held.map(() => false);
  const merged: string[] = [];
  for (let first = order.first(); first >= 0; first = order.first()) {
    const [head = held[first]!.range.to] = left[first]!;
    order.moveTo(first, head);
    if (!known[first]) {
      known[first] = true;
      continue;
    }
    left[first]!.shift();
    merged.push(`${first}:${head}`);
    known[first] = knows();
    const [following = held[first]!.range.to] = left[first]!;
    order.moveTo(first, known[first] ? following : head + 1);
  }
  return merged;
}

test("gives every record once, in the same order whatever is known when, and from any place on", () => {
  fc.assert(
    fc.property(partitions, fc.infiniteStream(fc.boolean()), fc.nat(200), (drawn, knowing, cut) => {
      const held = heldBy(drawn);
      const starts = held.map(({ range }) => range.from);
      const whole = merge(held, starts, () => true);
      expect([...whole].sort()).toEqual(
        held.flatMap(({ offsets }, at) => offsets.map((offset) => `${at}:${offset}`)).sort(),
      );
      expect(merge(held, starts, () => knowing.next().value)).toEqual(whole);
      const given = whole.slice(0, cut).map((each) => each.split(":").map(Number));
      const next = starts.map((start, at) =>
        Math.max(start, ...given.filter(([p]) => p === at).map(([, o]) => o! + 1)),
      );
      expect(merge(held, next, () => knowing.next().value)).toEqual(whole.slice(cut));
    }),
  );
});

test("partitions that differ in length end together", () => {
  const ranges = [
    { partition: 0, from: 0, to: 10 },
    { partition: 1, from: 100, to: 102 },
  ];
  const held = ranges.map((range) => ({
    range,
    offsets: Array.from({ length: range.to - range.from }, (_, i) => range.from + i),
  }));
  expect(merge(held, [0, 100], () => true).join(" ")).toBe("0:0 1:100 0:1 0:2 0:3 0:4 0:5 1:101 0:6 0:7 0:8 0:9");
});
