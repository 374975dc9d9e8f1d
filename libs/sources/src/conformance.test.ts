import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { AnnealError } from "@anneal/contracts";
import { afterAll, describe, expect, test } from "vitest";
import { formatField } from "./fields.ts";
import { createReader, openSource } from "./open-source.ts";
import type { SourceContext } from "./source.ts";
import { readSamples } from "./test-support/read-samples.ts";
import type { ReadingTask } from "./test-support/reading-thread.ts";
import type { Sample, Variant } from "./test-support/subject.ts";
import { subjects } from "./test-support/subjects/index.ts";

const root = mkdtempSync(join(tmpdir(), "anneal-sources-"));
afterAll(() => rmSync(root, { recursive: true }));

let numDirectories = 0;
function newDirectory(): string {
  numDirectories += 1;
  const directory = join(root, `data-${numDirectories}`);
  mkdirSync(directory);
  return directory;
}

function context(options: Partial<SourceContext> = {}): SourceContext {
  return { cacheDirectory: newDirectory(), memoryBytes: 2 ** 24, onBadRecord: "fail", ...options };
}

async function failureOf(work: Promise<unknown>): Promise<AnnealError> {
  const error = await work.then(
    () => null,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(AnnealError);
  return error as AnnealError;
}

/** The same numbers, whatever their order was. */
const shuffled = (count: number) =>
  Array.from({ length: 3 * count }, (_, i) => (i * 7 + (i % 3) * (count - 1)) % count);

describe.each(subjects)("$name", (subject) => {
  const open = async (variant: Variant = "plain") =>
    openSource(await subject.write(newDirectory(), variant), context());

  test("says what its samples are", async () => {
    const source = await open();
    expect([formatField(source.input), formatField(source.label)]).toEqual([subject.input, subject.label]);
    expect(source).toMatchObject({
      numSamples: (await subject.samples()).length,
      numClasses: subject.numClasses,
      classNames: subject.classNames,
      canSeek: true,
      badRecords: { count: 0, places: [] },
    });
  });

  test("gives every sample, however they are asked for and by whichever thread", async () => {
    const samples = await subject.samples();
    const source = await open();
    const all = samples.map((_, index) => index);
    expect(await readSamples(source, all)).toEqual(samples);
    const order = shuffled(samples.length);
    const expected = order.map((index) => samples[index]);
    expect(await readSamples(source, order, 5)).toEqual(expected);
    const threads = [0, 1].map(async () => {
      const thread = new Worker(new URL("./test-support/reading-thread.ts", import.meta.url));
      const answer = once(thread, "message");
      const { label, handles } = source;
      thread.postMessage({ source: { label, handles }, indices: order } satisfies ReadingTask);
      const [read] = (await answer) as [Sample[]];
      await thread.terminate();
      return read;
    });
    expect(await Promise.all(threads)).toEqual([expected, expected]);
  });

  test("is known by its content, wherever it lies and however often it is opened", async () => {
    const cache = context();
    const digests: string[] = [];
    for (const variant of ["plain", "plain", "edited", "extended", "plain"] as const) {
      const declaration = await subject.write(newDirectory(), variant);
      digests.push((await openSource(declaration, cache)).digest);
    }
    const [plain, again, edited, extended, last] = digests;
    expect([again, last]).toEqual([plain, plain]);
    expect(new Set([plain, edited, extended]).size).toBe(3);
  });

  test("keeps the key of each sample when others are added", async () => {
    const [plain, extended] = [await open(), await open("extended")];
    expect(extended.numSamples).toBeGreaterThan(plain.numSamples);
    const read = async (source: typeof plain) => {
      const samples = await readSamples(
        source,
        Array.from({ length: source.numSamples }, (_, index) => index),
      );
      return samples.map((sample, index) => [source.keys?.[index] ?? BigInt(index), sample] as const);
    };
    const byKey = new Map(await read(extended));
    expect(byKey.size).toBe(extended.numSamples);
    for (const [key, sample] of await read(plain)) expect(byKey.get(key)).toEqual(sample);
  });

  test("says where a sample comes from", async () => {
    const directory = newDirectory();
    const source = await openSource(await subject.write(directory, "plain"), context());
    expect(createReader(source.handles).placeOf(1)).toBe(subject.placeOfSample1(directory));
  });

  test.each(subject.damages)("refuses $what", async ({ damage, code, facts }) => {
    const directory = newDirectory();
    const declaration = await subject.write(directory, "plain");
    await damage(directory);
    const failure = await failureOf(openSource(declaration, context()));
    expect(failure).toMatchObject({ code, facts });
    expect(failure.remedy).not.toBe("");
  });
});

test.each(subjects.filter(({ byPosition }) => byPosition))(
  "$name gives the same samples from its files where memory is short",
  async (subject) => {
    const samples = await subject.samples();
    const declaration = await subject.write(newDirectory(), "plain");
    const source = await openSource(declaration, context({ memoryBytes: 0 }));
    expect((await openSource(declaration, context())).digest).toBe(source.digest);
    const order = shuffled(samples.length);
    expect(await readSamples(source, order)).toEqual(order.map((index) => samples[index]));
  },
);

test.each(subjects.filter(({ badRecord }) => badRecord !== undefined))(
  "$name counts a bad record, or fails at it, by its place",
  async ({ write, samples: samplesOf, badRecord }) => {
    const { damage, place, shows, left } = badRecord!;
    const directory = newDirectory();
    const declaration = await write(directory, "plain");
    await damage(directory);
    const expected = { code: "BAD_RECORD", facts: { place: expect.stringContaining(place) } };
    const lenient = await openSource(declaration, context({ onBadRecord: "skip" }));
    const samples = await samplesOf();
    const expectedLeft = left.map((index) => samples[index]);
    if (shows === "reading") {
      expect(lenient.numSamples).toBe(samples.length);
      expect(await readSamples(lenient, left)).toEqual(expectedLeft);
      const bad = samples.findIndex((_, index) => !left.includes(index));
      expect(await failureOf(readSamples(lenient, [bad]))).toMatchObject(expected);
      return;
    }
    expect(await failureOf(openSource(declaration, context()))).toMatchObject(expected);
    expect(lenient.badRecords).toEqual({
      count: 1,
      places: [expect.stringContaining(place)],
    });
    expect(
      await readSamples(
        lenient,
        left.map((_, index) => index),
      ),
    ).toEqual(expectedLeft);
  },
);
