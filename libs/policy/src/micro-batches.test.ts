import fc from "fast-check";
import { expect, test } from "vitest";
import { largestMicroBatch, microBatchSizes } from "./micro-batches.ts";

test.each([
  [128, 128, 1, [128]],
  [128, 128, 4, [32, 32, 32, 32]],
  [128, 128, 3, [43, 43, 42]],
  [96, 128, 4, [32, 32, 32]],
  [97, 128, 4, [25, 24, 24, 24]],
  [5, 128, 4, [5]],
  [10, 10, 6, [2, 2, 2, 2, 2]],
  [3, 3, 100, [1, 1, 1]],
])("%d samples where a batch of %d has %d parts: %j", (numSamples, batchSize, microBatches, sizes) => {
  expect(microBatchSizes(numSamples, batchSize, microBatches)).toEqual(sizes);
});

test("every sample is in one part, no part is larger than one of a full batch, sizes differ by one at most", () => {
  const counts = fc.integer({ min: 1, max: 5_000 });
  fc.assert(
    fc.property(counts, counts, counts, (numSamples, batchSize, microBatches) => {
      fc.pre(numSamples <= batchSize);
      const sizes = microBatchSizes(numSamples, batchSize, microBatches);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(numSamples);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(largestMicroBatch(batchSize, microBatches));
      expect(sizes[0]! - sizes.at(-1)!).toBeLessThanOrEqual(1);
      expect(sizes.length).toBeLessThanOrEqual(microBatches);
    }),
  );
});
