import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { feistelPermutation } from "./feistel.ts";

const listOf = (seed: number, epoch: number, size: number): Uint32Array => {
  const permutation = feistelPermutation(seed, epoch, size);
  return Uint32Array.from({ length: size }, (_, place) => permutation(place));
};

function isPermutation(list: Uint32Array): boolean {
  const isSeen = new Uint8Array(list.length);
  for (const value of list) isSeen[value]! += 1;
  return isSeen.every((count) => count === 1);
}

/** How far a chi-square lies from its mean, in standard deviations. */
function deviation(counts: ArrayLike<number>, total: number): number {
  const expected = total / counts.length;
  const chiSquare = Array.from(counts).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const freedom = counts.length - 1;
  return (chiSquare - freedom) / Math.sqrt(2 * freedom);
}

const nearPowers = [3, 6, 8, 11, 16, 17, 20].flatMap((power) => [-3, -1, 0, 1, 2].map((by) => 2 ** power + by));

test.each([1, 2, 3, ...nearPowers, 65_537, 99_991, 123_457, 2_000_000])("of %i places each is taken once", (size) => {
  expect(isPermutation(listOf(7, 2, size))).toBe(true);
});

test("it is a bijection for any seed, epoch and size, and the same each time", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(1_000), fc.integer({ min: 1, max: 5_000 }), (seed, epoch, size) => {
      const list = listOf(seed, epoch, size);
      expect(isPermutation(list)).toBe(true);
      expect(listOf(seed, epoch, size)).toEqual(list);
    }),
  );
});

test("sizes that no list could have stay within their bounds, and collide nowhere that was looked at", () => {
  for (const size of [2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1]) {
    const permutation = feistelPermutation(3, 0, size);
    const places = Array.from({ length: 20_000 }, (_, i) => Math.floor((i * (size - 1)) / 19_999));
    const images = places.map(permutation);
    expect(new Set(images).size).toBe(places.length);
    expect(images.every((image) => Number.isInteger(image) && image >= 0 && image < size)).toBe(true);
    expect(Math.max(...images)).toBeGreaterThan(0.999 * size);
  }
});

test("seeds and epochs have permutations of their own, which agree where chance would have them agree", () => {
  const size = 70_000;
  const lists = [listOf(1, 0, size), listOf(1, 1, size), listOf(2, 0, size), listOf(2, 1, size)];
  lists.forEach((list, at) => {
    for (const other of lists.slice(at + 1)) {
      // One place of two independent permutations, on average.
      expect(list.filter((value, place) => other[place] === value).length).toBeLessThan(10);
    }
  });
});

// Seeds are fixed: what is told of them stays true. Five standard deviations: four rounds, or a left half that is not reduced, are far beyond.
describe.each([65_537, 99_991, 131_071, 2 ** 20 + 1])("the order of %i places has no structure", (size) => {
  const list = listOf(11, 3, size);
  const halves = 2 ** ((32 - Math.clz32(size - 1)) >>> 1);

  test("where a sample goes does not depend on where it was", () => {
    const [coarse, fine] = [new Float64Array(4_096), new Float64Array(4_096)];
    list.forEach((value, place) => {
      coarse[Math.floor((place * 64) / size) * 64 + Math.floor((value * 64) / size)]! += 1;
      fine[(place % 64) * 64 + (value % 64)]! += 1;
    });
    expect(Math.abs(deviation(coarse, size))).toBeLessThan(5);
    expect(Math.abs(deviation(fine, size))).toBeLessThan(5);
    expect(list.filter((value, place) => value === place).length).toBeLessThan(10);
  });

  test("samples some places apart end up any distance apart", () => {
    for (const stride of [1, 2, 3, 64, halves / 2, halves, halves + 1, 2 * halves, 3 * halves]) {
      const distances = new Float64Array(256);
      const bits = new Float64Array(64);
      list.forEach((value, place) => {
        const other = list[(place + stride) % size]!;
        distances[Math.floor((((other - value + size) % size) * 256) / size)]! += 1;
        bits[(other ^ value) % 64]! += 1;
      });
      expect(Math.abs(deviation(distances, size))).toBeLessThan(5);
      expect(Math.abs(deviation(bits, size))).toBeLessThan(5);
    }
  });

  test("neighbours are in either order, and not correlated", () => {
    let [numDescents, product] = [0, 0];
    for (let place = 1; place < size; place++) {
      const [one, other] = [list[place - 1]! / size - 0.5, list[place]! / size - 0.5];
      if (one > other) numDescents += 1;
      product += one * other;
    }
    expect(Math.abs(numDescents - (size - 1) / 2) / Math.sqrt((size + 1) / 12)).toBeLessThan(4);
    expect(Math.abs(product * 12) / Math.sqrt(size)).toBeLessThan(4);
  });
});

test("over epochs, any five samples come in each of their 120 orders about equally often", () => {
  const size = 65_537;
  const numEpochs = 12_000;
  for (const places of [
    [0, 1, 2, 3, 4],
    [0, 256, 512, 1_024, 65_536],
    [5, 261, 6, 262, 32_773],
  ]) {
    const counts = new Map<string, number>();
    const firstImages = new Float64Array(64);
    for (let epoch = 0; epoch < numEpochs; epoch++) {
      const images = places.map(feistelPermutation(9, epoch, size));
      const order = images.map((image) => images.filter((other) => other < image).length).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
      firstImages[Math.floor((images[0]! * 64) / size)]! += 1;
    }
    expect(counts.size).toBe(120);
    expect(Math.abs(deviation([...counts.values()], numEpochs))).toBeLessThan(4);
    expect(Math.abs(deviation(firstImages, numEpochs))).toBeLessThan(4);
  }
});
