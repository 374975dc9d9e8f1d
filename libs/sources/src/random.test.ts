import fc from "fast-check";
import { expect, test } from "vitest";
import { RandomStream } from "./random.ts";

const key = fc.record({ seed: fc.nat(), epoch: fc.nat(1_000), index: fc.nat() });
const draw = (stream: RandomStream, count = 8) => Array.from({ length: count }, () => stream.uint32());

test("is xoshiro128++: the sequence of the reference implementation from the state 1, 2, 3, 4", () => {
  expect(draw(RandomStream.fromState(1, 2, 3, 4))).toEqual([
    641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295,
  ]);
});

test("a stream is a function of its key, whatever was drawn before", () => {
  fc.assert(
    fc.property(key, key, fc.nat(20), ({ seed, epoch, index }, other, numDrawn) => {
      const reused = new RandomStream("sample", other.seed, other.epoch, other.index);
      draw(reused, numDrawn);
      reused.reseed("sample", seed, epoch, index);
      expect(draw(reused)).toEqual(draw(new RandomStream("sample", seed, epoch, index)));
    }),
  );
});

test("streams of different keys and purposes differ", () => {
  fc.assert(
    fc.property(key, ({ seed, epoch, index }) => {
      const streams = [
        new RandomStream("sample", seed, epoch, index),
        new RandomStream("order", seed, epoch, index),
        new RandomStream("sample", seed + 1, epoch, index),
        new RandomStream("sample", seed, epoch + 1, index),
        new RandomStream("sample", seed, epoch, index + 1),
      ];
      expect(new Set(streams.map((stream) => draw(stream).join())).size).toBe(streams.length);
    }),
  );
});

test("first draws of neighbouring samples are uniform and not correlated", () => {
  const numSamples = 20_000;
  const values = Array.from({ length: numSamples }, (_, index) => new RandomStream("sample", 7, 0, index).uniform());
  const buckets = new Array<number>(20).fill(0);
  for (const value of values) buckets[Math.floor(value * 20)]!++;
  const expected = numSamples / 20;
  const chiSquare = buckets.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  expect(chiSquare).toBeLessThan(43.8); // 19 degrees of freedom, p = 0.001; the seed is fixed
  const lagOne = values.slice(1).reduce((sum, value, i) => sum + (value - 0.5) * (values[i]! - 0.5), 0);
  expect(Math.abs(lagOne / numSamples / (1 / 12))).toBeLessThan(0.03);
});

test("bounded draws stay within their bounds and reach both", () => {
  fc.assert(
    fc.property(key, fc.integer({ min: 1, max: 12 }), ({ seed, epoch, index }, bound) => {
      const stream = new RandomStream("sample", seed, epoch, index);
      const seen = new Set(Array.from({ length: 400 }, () => stream.integerBetween(-bound, bound)));
      expect(seen.size).toBe(2 * bound + 1);
      expect(Math.min(...seen)).toBe(-bound);
      const value = stream.between(-2, 3);
      expect(value >= -2 && value < 3).toBe(true);
    }),
  );
});
