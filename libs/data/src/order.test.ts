import fc from "fast-check";
import { expect, test } from "vitest";
import { apportion, epochOrder, maxListed, splitNumber } from "./order.ts";

function listOf(seed: number, epoch: number, numSamples: number): readonly number[] {
  return Array.from({ length: numSamples }, (_, place) => place).map(epochOrder(seed, epoch, numSamples));
}

test("an epoch's order is a permutation and a function of (seed, epoch)", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(100), fc.nat(500), (seed, epoch, numSamples) => {
      const order = listOf(seed, epoch, numSamples);
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: numSamples }, (_, i) => i));
      expect(listOf(seed, epoch, numSamples)).toEqual(order);
    }),
  );
});

test("epochs and seeds have orders of their own", () => {
  const orders = [listOf(1, 0, 100), listOf(1, 1, 100), listOf(2, 0, 100)];
  expect(new Set(orders.map((order) => order.join())).size).toBe(3);
});

test.each([maxListed, maxListed + 1])("of %i samples each comes once", (numSamples) => {
  expect(new Set(listOf(3, 1, numSamples)).size).toBe(numSamples);
});

test("orders of few samples stay those that runs were trained with", () => {
  expect(listOf(1, 0, 10)).toEqual([8, 0, 6, 7, 2, 4, 9, 3, 5, 1]);
});

test("all orders of four samples come up about equally often", () => {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 24_000; seed++) {
    const order = listOf(seed, 0, 4).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(24);
  expect(Math.min(...counts.values())).toBeGreaterThan(870); // 1000 expected, 4 standard deviations
  expect(Math.max(...counts.values())).toBeLessThan(1_130);
});

test("about the asked share is held out", () => {
  const numHeld = Array.from({ length: 10_000 }, (_, index) => splitNumber(3, index)).filter(
    (number) => number < 0.2,
  ).length;
  expect(Math.abs(numHeld - 2_000)).toBeLessThan(160);
});

test("a sample's own key decides its side, not its index; 64 bits of it count", () => {
  const keys = [0n, 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n];
  expect(new Set(keys.map((key) => splitNumber(3, key))).size).toBe(keys.length);
  expect(splitNumber(3, 7n)).not.toBe(splitNumber(3, 7));
  const numLow = Array.from({ length: 10_000 }, (_, i) => splitNumber(5, BigInt(i) << 20n)).filter(
    (number) => number < 0.3,
  );
  expect(Math.abs(numLow.length - 3_000)).toBeLessThan(190);
});

test("draws are apportioned by weight, whole and without a rest", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 6 }),
      fc.nat(5_000),
      (weights, total) => {
        const shares = apportion(weights, total);
        const sum = weights.reduce((all, weight) => all + weight, 0);
        expect(shares.reduce((all, share) => all + share, 0)).toBe(total);
        shares.forEach((share, part) => {
          expect(Math.abs(share - (weights[part]! / sum) * total)).toBeLessThan(1);
        });
      },
    ),
  );
});
