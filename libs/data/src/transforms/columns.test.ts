import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Dataset } from "../dataset.ts";
import { table } from "../files.ts";
import { readFeed } from "../fixtures/read-feed.ts";
import { openDataset } from "../open.ts";
import { trainingPlan } from "../plan.ts";
import { arrays } from "../ready-made.ts";
import { byColumn, columnNames, eachNumber } from "./columns.ts";
import { fillMissing, oneHot, padTo, standardise } from "./index.ts";

const directory = mkdtempSync(join(tmpdir(), "anneal-columns-"));
const context = { cacheDirectory: directory };
afterAll(() => rmSync(directory, { recursive: true }));

let houses: Dataset;
beforeAll(() => {
  const files = join(directory, "houses.csv");
  writeFileSync(files, "town,area,rooms,price\nB,100,3,1\nA,60,,2\nB,80.5,1,3\nC,,2,4\n");
  const columns = { town: "category", area: "number", rooms: "number" } as const;
  houses = table({ files, columns, label: "price", labelType: "number" }).shuffle(false);
});

async function inputsOf(dataset: Dataset): Promise<readonly number[]> {
  const train = await openDataset(dataset, context);
  const plan = trainingPlan({ train, validation: null, batchSize: 4, seed: 1, epochs: 1 });
  const { batches, failure } = await readFeed({ plan, startItem: 0, numSlots: 2, numThreads: 1 });
  expect(failure).toBeNull();
  return batches.flatMap(({ values }) => values.inputs);
}

describe("columns of a table", () => {
  test("are named by what they are called, wherever a one-hot column before them has moved them to", async () => {
    const named = houses
      .map(oneHot({ columns: ["town"] }))
      .map(fillMissing({ with: "mean", columns: ["rooms", "area"] }))
      .map(standardise({ columns: ["area"] }));
    const placed = houses
      .map(oneHot({ columns: [0] }))
      .map(fillMissing({ with: "mean", columns: [3, 4] }))
      .map(standardise({ columns: [3] }));
    const inputs = await inputsOf(named);
    expect(inputs).toEqual(await inputsOf(placed));
    expect(inputs.filter((_, i) => i % 5 === 4)).toEqual([3, 2, 1, 2]);
    const { inputs: field } = await openDataset(named, context);
    expect(field).toEqual({
      shape: [5],
      dtype: "float32",
      columns: ["town=0", "town=1", "town=2", "area", "rooms"],
    });
  });

  test("that there are not are told with those that there are, before anything is trained", async () => {
    const opening = (dataset: Dataset) => openDataset(dataset, context);
    await expect(opening(houses.map(standardise({ columns: ["area", "romms"] })))).rejects.toMatchObject({
      code: "TRANSFORM_FAILED",
      facts: { cause: 'standardise: there is no column "romms"; a sample has 3: town, area, rooms' },
    });
    await expect(opening(houses.map(fillMissing({ with: 0, columns: [3] })))).rejects.toMatchObject({
      facts: { cause: "fillMissing: there is no column 3; a sample has 3: town, area, rooms" },
    });
    await expect(opening(houses.map(oneHot({ columns: ["town"] })).map(oneHot({ columns: ["town"] })))).rejects.toThrow(
      "town=0, town=1, town=2, area, rooms",
    );
    await expect(opening(houses.map(oneHot({ columns: ["area"] })))).rejects.toThrow("80.5 in column area is no code");
  });

  test("lose their names where a transform makes others of them", async () => {
    await expect(
      openDataset(houses.map(padTo({ length: 4 })).map(standardise({ columns: ["area"] })), context),
    ).rejects.toThrow('there is no column "area"; a sample has 4, without names');
  });
});

test("samples that are no table have places alone", async () => {
  const rows = arrays({ inputs: Float32Array.of(1, 2, 3, 4), inputShape: [2], labels: Float32Array.of(0, 1) });
  await expect(openDataset(rows.map(standardise({ columns: ["area"] })), context)).rejects.toMatchObject({
    code: "TRANSFORM_FAILED",
    facts: { cause: 'standardise: there is no column "area"; a sample has 2, without names' },
  });
  expect(columnNames({ shape: [3], dtype: "float32", columns: ["a"] })).toBeNull();
});

test("numbers are walked by column: those of rows, of images, of a scalar; what is missing is left out", () => {
  const seen: (readonly [number, number])[] = [];
  eachNumber(Float32Array.of(1, Number.NaN, 3, 4, 5, 6), 3, (value, column) => seen.push([value, column]));
  expect(seen).toEqual([
    [1, 0],
    [3, 2],
    [4, 0],
    [5, 1],
    [6, 2],
  ]);
  const rules = { fillings: [7, Number.NaN], offsets: [1, 0], factors: [10, 1] };
  const { apply, output } = byColumn({ shape: [2, 2], dtype: "uint8" }, rules);
  const target = new Float32Array(4);
  apply(Float32Array.of(Number.NaN, Number.NaN, 3, -0), target, null as never);
  expect([...target]).toEqual([60, Number.NaN, 20, -0]);
  expect(output).toEqual({ shape: [2, 2], dtype: "float32" });
});
