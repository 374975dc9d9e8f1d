import { expect, test } from "vitest";
import { type Dataset, mix } from "./dataset.ts";
import { digestOfParts } from "./digest.ts";
import { Draws } from "./draws.ts";
import { numbers } from "./fixtures/read-feed.ts";
import { openDataset } from "./open.ts";
import { maxListed } from "./order.ts";

/** What an epoch draws, in its order. */
async function epochsOf(dataset: Dataset, numEpochs: number, seed = 5) {
  const open = await openDataset(dataset);
  const draws = new Draws(open, { seed, shuffle: true });
  return Array.from({ length: numEpochs }, (_, epoch) =>
    Array.from({ length: open.numSamples }, (_, place) => draws.at(epoch, place)),
  );
}

const sorted = (values: readonly number[]) => Uint32Array.from(values).sort();
const upTo = (count: number) => Uint32Array.from({ length: count }, (_, i) => i);

test("an epoch of more samples than are listed has each of them once, in an order of its own", async () => {
  const numSamples = maxListed + 1_234;
  const epochs = await epochsOf(numbers(numSamples), 2);
  const [first, second] = epochs.map((draws) => draws.map(({ index }) => index)) as [number[], number[]];
  for (const indices of [first, second]) expect(sorted(indices)).toEqual(upTo(numSamples));
  expect(first.filter((index, place) => second[place] === index).length).toBeLessThan(10);
});

test("a long mixture goes through all of a part before it begins with it again, epoch borders or not", async () => {
  const [few, many] = [500, maxListed + 9];
  const mixed = mix(
    [
      { dataset: numbers(many), weight: 0.9 },
      { dataset: numbers(few), weight: 0.1 },
    ],
    {
      numSamples: 71_000,
    },
  );
  const drawn = (await epochsOf(mixed, 2)).flat();
  const ofFew = drawn.filter(({ part }) => part === 1).map(({ index }) => index);
  expect(ofFew).toHaveLength(2 * 7_100);
  for (let pass = 0; pass < 28; pass++) {
    expect(sorted(ofFew.slice(few * pass, few * (pass + 1)))).toEqual(upTo(few));
  }
  const ofMany = drawn.filter(({ part }) => part === 0).map(({ index }) => index);
  expect(sorted(ofMany.slice(0, many))).toEqual(upTo(many));
});

test("which sample is where does not depend on what was asked for before", async () => {
  const open = await openDataset(mix([{ dataset: numbers(60_000) }, { dataset: numbers(300), weight: 2 }]));
  const [one, other] = [0, 1].map(() => new Draws(open, { seed: 1, shuffle: true })) as [Draws, Draws];
  const places = Array.from({ length: 40 }, (_, i) => (i * 1_009) % open.numSamples);
  const asked = places.map((place) => one.at(3, place));
  expect(places.toReversed().map((place) => other.at(3, place))).toEqual(asked.toReversed());
});

test("how long orders are made is part of the digest; of data without such an order it is no part", () => {
  const digestOf = (numSamples: number, perEpoch: number) =>
    digestOfParts([{ digest: "a", numSamples, perEpoch }], numbers(1));
  expect(digestOf(maxListed, maxListed)).toBe("a");
  for (const [numSamples, perEpoch] of [
    [maxListed + 1, maxListed + 1],
    [maxListed + 1, 5],
    [9, maxListed + 1],
  ] as const) {
    expect(digestOf(numSamples, perEpoch)).not.toBe("a");
  }
});
