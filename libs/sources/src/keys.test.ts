import fc from "fast-check";
import { expect, test } from "vitest";
import { KeyWriter, murmur3, RowKeys } from "./keys.ts";
import { shareStrings, stringAt } from "./shared-strings.ts";

const asKeys = (words: Uint32Array) => [...new BigUint64Array(words.buffer, 0, words.length / 2)];

test("the hash is MurmurHash3", () => {
  // Published test vectors of its 32-bit version, of every length of a rest.
  const quick = "The quick brown fox jumps over the lazy dog";
  const vectors = [
    ["", 0, 0],
    ["", 1, 0x514e_28b7],
    ["", 0xffff_ffff, 0x81f1_6f39],
    ["a", 0x9747_b28c, 0x7fa0_9ea6],
    ["aa", 0x9747_b28c, 0x5d21_1726],
    ["aaa", 0x9747_b28c, 0x283e_0130],
    ["aaaa", 0x9747_b28c, 0x5a97_808a],
    ["Hello, world!", 0x9747_b28c, 0x2488_4cba],
    [quick, 0x9747_b28c, 0x2fa8_26cd],
  ] as const;
  for (const [text, seed, expected] of vectors) expect(murmur3(Buffer.from(text), seed)).toBe(expected);
});

test("keys by number never change: splits of yesterday's data would", () => {
  expect(asKeys(new RowKeys("rows.csv").of(0, 2, null))).toEqual([0x3a414c95f1d399f2n, 0x2cec59b472de461en]);
});

test("a name is its key, in whatever way it comes; numbers go on where they stopped", () => {
  const keys = new KeyWriter(1);
  keys.setName(0, "ä name");
  const rows = new RowKeys("a");
  expect(asKeys(rows.of(7, 1, () => Buffer.from("ä name")))).toEqual([...keys.keys]);
  expect(asKeys(rows.of(3, 2, null))).toEqual(asKeys(rows.of(0, 5, null)).slice(3));
});

test("keys of a million rows of two files are different, and even in every bit", () => {
  const count = 500_000;
  const all = [...asKeys(new RowKeys("a").of(0, count, null)), ...asKeys(new RowKeys("b").of(0, count, null))];
  expect(new Set(all).size).toBe(2 * count);
  for (const bit of [0n, 1n, 17n, 31n, 32n, 33n, 50n, 63n]) {
    const numSet = all.reduce((sum, key) => sum + Number((key >> bit) & 1n), 0);
    // Ten standard deviations.
    expect(Math.abs(numSet / (2 * count) - 0.5)).toBeLessThan(0.005);
  }
});

test("shared strings are what they were", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" })), (strings) => {
      const shared = structuredClone(shareStrings(strings));
      expect(strings.map((_, index) => stringAt(shared, index))).toEqual(strings);
    }),
  );
});
