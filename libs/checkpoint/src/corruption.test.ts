import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openCheckpointStore } from "./store.ts";
import { makeContents } from "./test-support/contents.ts";
import { stepsOf, type TempRun, tempRunWith } from "./test-support/temp-run.ts";

const fileNames = ["manifest.json", "manifest.sha256", "model.safetensors", "optimizer.safetensors"] as const;
const arbitraryFile = fc.constantFrom(...fileNames);
/** A place in a file whose length is not known yet. */
const arbitraryPlace = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

async function newestPath(run: TempRun): Promise<string> {
  const [entry] = await run.store.list();
  return entry?.path ?? "";
}

/** Loads as a new process would, and expects the newest checkpoint to be named, skipped, and the one before to be used. */
async function expectSkipped(run: TempRun, path: string): Promise<void> {
  const latest = await openCheckpointStore(run.directory).loadLatest();
  expect(latest?.checkpoint.step).toBe(1);
  expect(latest?.skipped).toEqual([
    { path, code: "CHECKPOINT_CORRUPT", reason: expect.stringContaining("step-000000002") },
  ]);
}

/** Checks the property on a fresh copy of the newest checkpoint each time. */
async function forEachDamage<T>(
  arbitrary: fc.Arbitrary<T>,
  damage: (checkpoint: string, choice: T) => void,
  numRuns: number,
): Promise<void> {
  using run = await tempRunWith({ step: 1 }, { step: 2 });
  const path = await newestPath(run);
  const pristine = `${path}.pristine`;
  cpSync(path, pristine, { recursive: true });
  await fc.assert(
    fc.asyncProperty(arbitrary, async (choice) => {
      damage(path, choice);
      await expectSkipped(run, path);
      rmSync(path, { recursive: true });
      cpSync(pristine, path, { recursive: true });
    }),
    // A failing example leaves the damage behind, so that shrinking would only mislead.
    { numRuns, endOnFailure: true },
  );
  expect((await run.store.loadLatest())?.checkpoint.step).toBe(2);
}

describe("a damaged checkpoint is named and skipped for the one before", () => {
  it("when any bit of any file has flipped", async () => {
    const arbitrary = fc.record({ name: arbitraryFile, place: arbitraryPlace, bit: fc.nat({ max: 7 }) });
    const flip = (path: string, { name, place, bit }: { name: string; place: number; bit: number }): void => {
      const bytes = readFileSync(join(path, name));
      const at = Math.floor(place * bytes.byteLength);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      writeFileSync(join(path, name), bytes);
    };
    await forEachDamage(arbitrary, flip, 150);
  });

  it("when a file was cut short at any place", async () => {
    const arbitrary = fc.record({ name: arbitraryFile, place: arbitraryPlace });
    const cut = (path: string, { name, place }: { name: string; place: number }): void => {
      truncateSync(join(path, name), Math.floor(place * readFileSync(join(path, name)).byteLength));
    };
    await forEachDamage(arbitrary, cut, 80);
  });

  it("when a file has grown", async () => {
    const grow = (path: string, name: string): void => writeFileSync(join(path, name), "\0", { flag: "a" });
    await forEachDamage(arbitraryFile, grow, 10);
  });

  it.each(fileNames)("when %s is missing, or a directory", async (name) => {
    using run = await tempRunWith({ step: 1 }, { step: 2 });
    const path = await newestPath(run);
    rmSync(join(path, name));
    await expectSkipped(run, path);
    mkdirSync(join(path, name));
    await expectSkipped(run, path);
  });

  it.each(["", "{}", "null", "[]", "{", "\0\0\0\0"])("when its manifest reads %j", async (text) => {
    using run = await tempRunWith({ step: 1 }, { step: 2 });
    const path = await newestPath(run);
    writeFileSync(join(path, "manifest.json"), text);
    await expectSkipped(run, path);
  });

  it("when two checkpoints swapped a file", async () => {
    using run = await tempRunWith({ step: 1 }, { step: 2 });
    const [newest, before] = await run.store.list();
    cpSync(join(before?.path ?? "", "model.safetensors"), join(newest?.path ?? "", "model.safetensors"));
    await expectSkipped(run, newest?.path ?? "");
  });
});

describe("damage", () => {
  it("is an error when no checkpoint is sound, with all of them named", async () => {
    using run = await tempRunWith({ step: 1 }, { step: 2 });
    for (const { path } of await run.store.list()) truncateSync(join(path, "model.safetensors"), 100);
    await expect(run.store.loadLatest()).rejects.toMatchObject({
      code: "CHECKPOINT_CORRUPT",
      message: expect.stringMatching(/step-000000002.*step-000000001/),
      facts: { numSkipped: 2 },
    });
  });

  it("in an older checkpoint than the one used is no news", async () => {
    using run = await tempRunWith({ step: 1 }, { step: 2 });
    rmSync(join((await run.store.list())[1]?.path ?? "", "manifest.json"));
    expect(await run.store.loadLatest()).toMatchObject({ checkpoint: { step: 2 }, skipped: [] });
  });

  it("is found by load itself, unless it is told not to verify", async () => {
    using run = await tempRunWith({ step: 1 });
    const path = await newestPath(run);
    const file = join(path, "model.safetensors");
    const bytes = readFileSync(file);
    bytes[bytes.byteLength - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(file, bytes);
    await expect(run.store.load(path)).rejects.toMatchObject({ code: "CHECKPOINT_CORRUPT" });
    expect((await run.store.load(path, { verify: false })).step).toBe(1);
  });

  it("is mended when a run that fell back commits the same state again", async () => {
    using run = await tempRunWith({ step: 1 }, { step: 2 });
    const path = await newestPath(run);
    truncateSync(join(path, "optimizer.safetensors"), 40);
    await run.store.acquire(2);
    const committed = await run.store.commit(2, makeContents({ step: 2 }));
    expect(committed).toMatchObject({ path, stats: { written: true } });
    expect(await run.store.loadLatest()).toMatchObject({ checkpoint: { step: 2 }, skipped: [] });
    expect(await stepsOf(run.store)).toEqual([2, 1]);
    expect(readdirSync(join(run.directory, "staging", "attempt-2"))).toEqual([]);
  });

  it("of the manifest alone does not keep the same step from being committed again", async () => {
    using run = await tempRunWith({ step: 1 }, { step: 2 });
    const path = await newestPath(run);
    writeFileSync(join(path, "manifest.json"), "garbage");
    await run.store.acquire(2);
    await run.store.commit(2, makeContents({ step: 2, lineage: 1 }));
    expect(readdirSync(join(run.directory, "checkpoints"))).toHaveLength(2);
    expect(await stepsOf(run.store)).toEqual([2, 1]);
  });
});
