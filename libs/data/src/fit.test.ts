import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { type Dataset, mix } from "./dataset.ts";
import { labelsOf, numbers, readFeed } from "./fixtures/read-feed.ts";
import { moduleName } from "./module-name.ts";
import { openDataset } from "./open.ts";
import { trainingPlan } from "./plan.ts";
import { arrays } from "./ready-made.ts";
import { fittedTransform, transform } from "./transform.ts";
import { fillMissing, oneHot, standardise, tokenise } from "./transforms/index.ts";

const fixtures = import.meta.resolve("./fixtures/transforms.ts");
const directory = mkdtempSync(join(tmpdir(), "anneal-fit-"));
const context = { cacheDirectory: directory };
afterAll(() => rmSync(directory, { recursive: true }));

function rows(values: readonly (readonly number[])[]): Dataset {
  const inputs = Float32Array.from(values.flat());
  const labels = Float32Array.from(values, (_, i) => i);
  return arrays({ inputs, inputShape: [values[0]!.length], labels }).shuffle(false);
}

/** The samples of an epoch of training, one after another. */
async function inputsOf(train: Dataset, fitted = {}): Promise<number[]> {
  const opened = await openDataset(train, { ...context, fitted });
  const plan = trainingPlan({ train: opened, validation: null, batchSize: 4, seed: 1, epochs: 1 });
  const reading = await readFeed({ plan, startItem: 0, numSlots: 2, numThreads: 1 });
  expect(reading.failure).toBeNull();
  return reading.batches.flatMap(({ values }) => values.inputs);
}

test("standardise learns mean and deviation of each column, missing ones left out, and keeps a constant", async () => {
  const values = await inputsOf(
    rows([
      [1, 5, 7],
      [3, Number.NaN, 7],
      [5, 9, 7],
    ]).map(standardise()),
  );
  const deviation = Math.sqrt(8 / 3);
  const expected = [-2 / deviation, -1, 0, 0, Number.NaN, 0, 2 / deviation, 1, 0];
  expect(values).toEqual(expected.map((value) => Math.fround(value)));
  expect((await openDataset(rows([[1, 2]]).map(standardise({ columns: [1] })), context)).fitted).toEqual({
    '["anneal/transforms/standardise.ts","createStandardise",{"columns":[1]}] 0': { mean: [1, 2], std: [1, 1] },
  });
});

test("each learns from what those before it made: filled, then a number for each category, then standardised", async () => {
  const table = rows([
    [2, Number.NaN],
    [0, 4],
    [2, 8],
    [Number.NaN, 6],
  ]);
  expect(await inputsOf(table.map(fillMissing({ with: "mostFrequent", columns: [0] })))).toEqual([
    2,
    Number.NaN,
    0,
    4,
    2,
    8,
    2,
    6,
  ]);
  const chain = table.map(fillMissing({ with: "mean", columns: [1] })).map(oneHot({ columns: [0] }));
  // The last one's category is missing.
  expect(await inputsOf(chain)).toEqual([0, 0, 1, 6, 1, 0, 0, 4, 0, 0, 1, 8, 0, 0, 0, 6]);
  const last = (await inputsOf(chain.map(standardise({ columns: [3] })))).filter((_, i) => i % 4 === 3);
  expect(last).toEqual([0, -Math.SQRT2, Math.SQRT2, 0].map(Math.fround));
});

test("held-out data uses what the training data taught, unseen categories are no category, and the digest tells", async () => {
  const learned = await openDataset(rows([[0], [1]]).map(oneHot({ columns: [0] })), context);
  const held = rows([[1], [2], [0]]).map(oneHot({ columns: [0] }));
  await expect(openDataset(held, { ...context, isHeldOut: true })).rejects.toMatchObject({ code: "RECIPE_INVALID" });
  const { fitted } = learned;
  const open = await openDataset(held, { ...context, isHeldOut: true, fitted });
  expect(open.inputs).toEqual({ shape: [2], dtype: "float32" });
  expect(await inputsOf(held, fitted)).toEqual([0, 1, 0, 0, 1, 0]);
  const other = { '["anneal/transforms/one-hot.ts","createOneHot",{"columns":[0]}] 0': { counts: [3] } };
  expect((await openDataset(held, { ...context, fitted: other })).digest).not.toBe(open.digest);
  // What is known is never learned anew.
  expect((await openDataset(rows([[5]]).map(oneHot({ columns: [0] })), { ...context, fitted })).fitted).toEqual(fitted);
});

test("learns from the samples that are trained on alone: split, filtered, mixed, sound", async () => {
  const key = '["anneal/transforms/standardise.ts","createStandardise",{}] 0';
  const meanOf = async (dataset: Dataset) =>
    ((await openDataset(dataset, context)).fitted[key] as { mean: number[] }).mean[0];
  const even = numbers(10).filter((_, label) => label[0]! % 2 === 0);
  expect(await meanOf(even.map(standardise()))).toBe(4);
  const { rest } = numbers(10).split({ share: 0.5, seed: 1 });
  const kept = (await openDataset(rest, context)).parts[0]!.indices!;
  expect(await meanOf(rest.map(standardise()))).toBeCloseTo(
    kept.reduce((sum, index) => sum + index, 0) / kept.length,
    12,
  );
  const mixture = mix([{ dataset: numbers(2) }, { dataset: numbers(100).range(98) }]).map(standardise());
  expect(await meanOf(mixture)).toBe((0 + 1 + 98 + 99) / 4);
  const broken = numbers(20)
    .map(transform(fixtures, { every: 10 }, "refusing"))
    .map(standardise());
  await expect(openDataset(broken, context)).rejects.toMatchObject({ code: "TRANSFORM_FAILED" });
  expect(await meanOf(broken.onBadRecord({ action: "skip", maxShare: 0.2 }))).toBeCloseTo(10, 12);
  await expect(
    openDataset(
      numbers(4)
        .map(standardise())
        .filter(() => true),
      context,
    ),
  ).rejects.toMatchObject({
    code: "RECIPE_INVALID",
    facts: { exportName: "createStandardise" },
  });
});

test("tokenise learns the words of the texts, the most frequent first, and numbers them", async () => {
  const texts = numbers(3).map(
    transform(fixtures, { texts: ["The cat, the dog.", "the  CAT?", "ein Äpfelchen"] }, "written"),
  );
  const opened = await openDataset(texts.map(tokenise({ maxTokens: 5, maxLength: 4 })).padTo(5), context);
  const [state] = Object.values(opened.fitted) as { tokens: string[] }[];
  expect(state!.tokens).toEqual(["the", "cat", ",", ".", "?"]);
  const plan = trainingPlan({ train: opened, validation: null, batchSize: 3, seed: 1, epochs: 1 });
  const reading = await readFeed({ plan, startItem: 0, numSlots: 2, numThreads: 1 });
  const inOrder = labelsOf(reading, 0).map((label, at) => [
    label,
    reading.batches[0]!.values.inputs.slice(5 * at, 5 * at + 5),
  ]);
  expect(Object.fromEntries(inOrder)).toEqual({ 0: [2, 3, 4, 2, 0], 1: [2, 3, 6, 0, 0], 2: [1, 1, 0, 0, 0] });
  const characters = await openDataset(texts.map(tokenise({ by: "character", minCount: 5 })).padTo(5), context);
  expect((Object.values(characters.fitted) as { tokens: string[] }[])[0]!.tokens).toEqual([" ", "e"]);
});

test("a transform of the person's own learns too, and what it throws is told by its name", async () => {
  const own = (options: number) =>
    fittedTransform(fixtures, options, { exportName: "lessLargest", learner: "largest" });
  expect(await inputsOf(numbers(4).shuffle(false).map(own(0)))).toEqual([-3, -2, -1, 0]);
  await expect(openDataset(numbers(4).map(own(2)), context)).rejects.toMatchObject({
    code: "TRANSFORM_FAILED",
    facts: { exportName: "lessLargest", sampleIndex: 2 },
  });
});

test("transforms of two modules that have the same name learn apart, and find what they learned where their modules are elsewhere", async () => {
  const code = (of: string) => `
export const learner = () => {
  const values = [];
  return { add: (sample) => values.push(sample[0]), state: () => Math.${of}(...values) };
};
export default (_options, input, state) => ({ output: input, apply: (source, target) => target.fill(state) });`;
  const writeTo = (folder: string) => {
    const path = join(directory, folder);
    mkdirSync(path);
    writeFileSync(join(path, "low.mjs"), code("min"));
    writeFileSync(join(path, "high.mjs"), code("max"));
    return (name: string) => fittedTransform(pathToFileURL(join(path, name)).href);
  };
  const nameOfModule = (url: string) => `./${url.split("/").at(-1)}`;
  const last = async (dataset: Dataset, fitted = {}) => {
    const opened = await openDataset(dataset.shuffle(false), { ...context, fitted, nameOfModule });
    return { fitted: opened.fitted, states: opened.parts.map(({ transforms }) => transforms[0]!.state) };
  };
  const here = writeTo("here");
  const trained = await last(
    mix([
      { dataset: numbers(7).range(2).map(here("low.mjs")) },
      { dataset: numbers(7).range(2).map(here("high.mjs")) },
    ]),
  );
  expect(trained.states).toEqual([2, 6]);
  expect(Object.keys(trained.fitted)).toEqual(['["./low.mjs","default",null] 0', '["./high.mjs","default",null] 0']);
  const there = writeTo("there");
  // From other samples they would learn other things.
  expect((await last(numbers(3).map(there("high.mjs")), trained.fitted)).states).toEqual([6]);
});

test("a module of Anneal, of a package or of the recipe has a name that is the same on each machine", () => {
  const own = (url: string) => `own ${url}`;
  const { module } = standardise();
  expect(moduleName(module, own)).toBe("anneal/transforms/standardise.ts");
  expect(moduleName("file:///a/node_modules/.pnpm/steps@1.0.0/node_modules/steps/high.js", own)).toBe("steps/high.js");
  expect(moduleName("file:///a/steps.ts", own)).toBe("own file:///a/steps.ts");
  const [inline, other] = [numbers(1).map(() => 0), numbers(1).map(() => 1)].map(
    ({ parts }) => parts[0]!.transforms[0]!.module,
  );
  expect(moduleName(inline!, own)).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(moduleName(inline!, own)).not.toBe(moduleName(other!, own));
});
