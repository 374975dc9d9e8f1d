import fc from "fast-check";
import { expect, test } from "vitest";
import { epochPermutation, isHeldOut } from "./order.ts";

test("an epoch's order is a permutation and a function of (seed, epoch)", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(100), fc.nat(500), (seed, epoch, numSamples) => {
      const order = epochPermutation(seed, epoch, numSamples);
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: numSamples }, (_, i) => i));
      expect(epochPermutation(seed, epoch, numSamples)).toEqual(order);
    }),
  );
});

test("epochs and seeds have orders of their own", () => {
  const orders = [epochPermutation(1, 0, 100), epochPermutation(1, 1, 100), epochPermutation(2, 0, 100)];
  expect(new Set(orders.map((order) => order.join())).size).toBe(3);
});

test("all orders of four samples come up about equally often", () => {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 24_000; seed++) {
    const order = epochPermutation(seed, 0, 4).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(24);
  expect(Math.min(...counts.values())).toBeGreaterThan(870); // 1000 expected, 4 standard deviations
  expect(Math.max(...counts.values())).toBeLessThan(1_130);
});

test("about the asked share is held out", () => {
  const numHeld = Array.from({ length: 10_000 }, (_, index) => isHeldOut(3, index, 0.2)).filter(Boolean).length;
  expect(Math.abs(numHeld - 2_000)).toBeLessThan(160);
});
