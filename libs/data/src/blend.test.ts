import { seededRandom } from "@anneal/testing";
import { expect, test } from "vitest";
import { drawBlend } from "./blend.ts";
import type { Dataset } from "./dataset.ts";
import { digests, numbers, readFeed } from "./fixtures/read-feed.ts";
import { openDataset, softenLabels } from "./open.ts";
import { type FeedPlan, trainingPlan } from "./plan.ts";
import { arrays } from "./ready-made.ts";
import { numItems } from "./schedule.ts";
import { transform } from "./transform.ts";

const fixtures = import.meta.resolve("./fixtures/transforms.ts");
const numClasses = 4;

/** Samples whose every element is their class. */
function classes(numSamples: number, inputShape: readonly number[]): Dataset {
  const length = inputShape.reduce((product, size) => product * size, 1);
  return arrays({
    inputs: Float32Array.from({ length: numSamples * length }, (_, i) => Math.floor(i / length) % numClasses),
    inputShape,
    labels: Int32Array.from({ length: numSamples }, (_, i) => i % numClasses),
    numClasses,
  });
}

async function planOf(dataset: Dataset, validation: Dataset | null = null): Promise<FeedPlan> {
  const train = await openDataset(dataset);
  const held = validation === null ? null : softenLabels(await openDataset(validation));
  return trainingPlan({ train, validation: held, batchSize: 8, seed: 5, epochs: 2 });
}

test.each([
  ["mixup", classes(60, [3, 3, 1]).mixup({ alpha: 1 })],
  ["cutmix", classes(60, [3, 3, 1]).cutmix()],
] as const)("%s blends inputs and labels by the same share, in training alone", async (_name, dataset) => {
  const plan = await planOf(dataset, classes(8, [3, 3, 1]));
  expect(plan.labels).toEqual({ shape: [numClasses], dtype: "float32" });
  const { batches, failure } = await readFeed({ plan, startItem: 0, numSlots: 3, numThreads: 1 });
  expect(failure).toBeNull();
  let numBlended = 0;
  for (const { values, numSamples, phase } of batches) {
    for (let sample = 0; sample < numSamples; sample++) {
      const label = values.labels.slice(numClasses * sample, numClasses * (sample + 1));
      const input = values.inputs.slice(9 * sample, 9 * (sample + 1));
      expect(label.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
      const isBlended = label.filter((share) => share > 0).length > 1;
      if (phase !== "train") expect(isBlended).toBe(false);
      numBlended += isBlended ? 1 : 0;
      // Every element is its class, so that the mean is that of the label.
      const meanInput = input.reduce((sum, value) => sum + value, 0) / 9;
      expect(meanInput).toBeCloseTo(
        label.reduce((sum, share, at) => sum + share * at, 0),
        4,
      );
    }
  }
  expect(numBlended).toBeGreaterThan(30);
});

test("is the same from any place, by any number of threads, with bad samples among those that are blended", async () => {
  const refused = classes(50, [1]).map(transform(fixtures, { every: 3 }, "refusing"));
  const plan = await planOf(refused.onBadRecord({ action: "skip", maxShare: 1 }).mixup());
  const all = await readFeed({ plan, startItem: 0, numSlots: 3, numThreads: 1 });
  expect(all.failure).toBeNull();
  const random = seededRandom(4);
  for (let trial = 0; trial < 3; trial++) {
    const startItem = random.int(0, numItems(plan) - 1);
    const options = { numSlots: 2, numThreads: random.int(1, 2), partSize: random.int(1, 8) };
    const resumed = await readFeed({ plan, startItem, ...options });
    expect(digests(resumed)).toEqual(digests(all).slice(startItem));
    expect(resumed.batches.map(({ numBad }) => numBad)).toEqual(
      all.batches.slice(startItem).map(({ numBad }) => numBad),
    );
  }
});

test("shares have the variance of Beta(alpha, alpha)", () => {
  for (const alpha of [0.2, 1]) {
    const shares = Array.from(
      { length: 4_000 },
      (_, position) => drawBlend({ kind: "mixup", alpha }, { seed: 1, epoch: 0, position, numPlaces: 9 }).share,
    );
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length;
    expect(mean).toBeCloseTo(0.5, 1);
    expect(variance).toBeCloseTo(1 / (4 * (2 * alpha + 1)), 2);
  }
});

test("what cannot be blended is refused before step 1", async () => {
  await expect(openDataset(numbers(4).mixup())).rejects.toMatchObject({ code: "SHAPE_MISMATCH" });
  await expect(openDataset(classes(4, [3]).cutmix())).rejects.toMatchObject({ code: "SHAPE_MISMATCH" });
  expect(() => numbers(4).mixup({ alpha: 2 })).toThrow(RangeError);
});
