import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Mixture, mixtureOf } from "./mixture.ts";
import { maxListed } from "./order.ts";

const places = (mixture: Mixture, total: number, from = 0) =>
  Array.from({ length: total }, (_, i) => mixture(from + i));

describe.each([
  ["by chance", 4],
  ["evenly", null],
] as const)("a mixture spread %s", (_, seed) => {
  test("has each part as often as it is due, and counts it", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { minLength: 1, maxLength: 4 }), fc.nat(9), (shares, epoch) => {
        const total = shares.reduce((sum, share) => sum + share, 0);
        requireShares(places(mixtureOf(shares, seed, epoch), total), shares);
      }),
    );
  });

  test("does so where it is too long to be listed as well", () => {
    const large = fc.integer({ min: maxListed, max: maxListed + 3_000 });
    const few = fc.integer({ min: 0, max: 400 });
    fc.assert(
      fc.property(fc.tuple(few, large, few), fc.nat(9), fc.nat(2), (shares, epoch, turn) => {
        const turned = [...shares.slice(turn), ...shares.slice(0, turn)];
        const total = shares.reduce((sum, share) => sum + share, 0);
        requireShares(places(mixtureOf(turned, seed, epoch), total), turned);
      }),
      { numRuns: 8 },
    );
  });

  test("gives the same wherever one begins, and never leaves a part far behind", () => {
    const shares = [1_500_000, 37, 400_001, 0, 99_000];
    const total = shares.reduce((sum, share) => sum + share, 0);
    const inOrder = places(mixtureOf(shares, seed, 3), 3_000, 1_000_000);
    const mixture = mixtureOf(shares, seed, 3);
    for (const i of [2_999, 5, 1_700, 6, 0]) expect(mixture(1_000_000 + i)).toEqual(inOrder[i]);
    for (const at of [0, 77_777, 1_000_000, total - 1]) {
      const { part, before } = mixture(at);
      expect(Math.abs(before - (at * shares[part]!) / total)).toBeLessThan(seed === null ? 3 : 259);
    }
  });
});

test("numbers of samples whose products no double holds are drawn from exactly", () => {
  const shares = [3_000_000_001, 1_000_000_007];
  const total = shares[0]! + shares[1]!;
  for (const seed of [null, 1]) {
    const last = places(mixtureOf(shares, seed, 0), 600, total - 600);
    shares.forEach((share, part) => {
      expect(Math.max(...last.filter((place) => place.part === part).map(({ before }) => before))).toBe(share - 1);
    });
  }
});

test("epochs differ, also in the blocks that a rare part comes in", () => {
  const blocksOf = (epoch: number) => {
    const shares = [199_990, 10];
    return places(mixtureOf(shares, 1, epoch), 200_000).flatMap(({ part }, place) =>
      part === 1 ? [Math.floor(place / 256)] : [],
    );
  };
  expect(blocksOf(0)).toHaveLength(10);
  expect(blocksOf(0)).not.toEqual(blocksOf(1));
  expect(places(mixtureOf([50, 50], 1, 0), 100)).not.toEqual(places(mixtureOf([50, 50], 1, 1), 100));
});

test("evenly, a short one is never further from what is due than one sample", () => {
  const even = places(mixtureOf([6, 3], null, 0), 9).map(({ part }) => part);
  even.forEach((_, at) => {
    expect(Math.abs(even.slice(0, at + 1).filter((part) => part === 1).length - (at + 1) / 3)).toBeLessThanOrEqual(1);
  });
});

/** Each part as often as its share says, each time with the number of times before. */
function requireShares(drawn: ReturnType<typeof places>, shares: readonly number[]): void {
  const counts = shares.map(() => 0);
  for (const { part, before } of drawn) {
    if (before !== counts[part]) throw new Error(`part ${part} was drawn ${counts[part]} times before, not ${before}`);
    counts[part]! += 1;
  }
  expect(counts).toEqual(shares);
}
