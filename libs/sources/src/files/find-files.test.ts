import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SourceContext } from "../source.ts";
import { digestFiles } from "./content-digest.ts";
import { findFiles } from "./find-files.ts";

const root = mkdtempSync(join(tmpdir(), "anneal-files-"));
const context: SourceContext = { cacheDirectory: join(root, "cache"), memoryBytes: 0, onBadRecord: "fail" };
beforeAll(() => {
  for (const path of ["a/2.csv", "a/10.csv", "b/deep/1.csv", "b/note.txt", "c[1].csv"]) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), path);
  }
});
afterAll(() => rmSync(root, { recursive: true }));

const namesOf = async (...patterns: string[]) =>
  (
    await findFiles(
      patterns.map((pattern) => join(root, pattern)),
      context,
    )
  ).map(({ name }) => name);

test("paths, globs and lists of them, in an order that does not depend on the disk", async () => {
  expect(await namesOf("a/2.csv")).toEqual(["2.csv"]);
  expect(await namesOf("*/**/*.csv")).toEqual(["a/10.csv", "a/2.csv", "b/deep/1.csv"]);
  expect(await namesOf("b/**", "a/{2,3}.csv")).toEqual(["deep/1.csv", "note.txt", "2.csv"]);
  // A file that looks like a pattern is a file.
  expect(await namesOf("c[1].csv")).toEqual(["c[1].csv"]);
  const [file] = await findFiles([join(root, "a/2.csv")], context);
  expect(file).toMatchObject({ path: join(root, "a/2.csv"), sizeBytes: 7 });
});

test.each([
  ["a pattern that matches nothing", () => join(root, "a/*.parquet")],
  ["a path that is not there", () => join(root, "a/3.csv")],
  ["a directory", () => join(root, "a")],
  ["a relative path", () => "a/2.csv"],
])("refuses %s by its name", async (_what, pattern) => {
  const facts = { path: pattern() };
  await expect(findFiles([pattern()], context)).rejects.toMatchObject({ code: "DATASET_NOT_FOUND", facts });
});

test("stops when it is told to", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(findFiles([join(root, "*/*")], { ...context, signal })).rejects.toThrow("enough");
});

test("what a file hashes to is remembered by size and time, unless it is so new that it may change unseen", async () => {
  const path = join(root, "hashed");
  const write = (content: string, secondsAgo: number) => {
    writeFileSync(path, content);
    const time = Math.floor(Date.now() / 1000) - secondsAgo;
    utimesSync(path, time, time);
    return time;
  };
  const digest = async () => (await digestFiles(await findFiles([path], context), context))[0];
  const restore = (time: number) => utimesSync(path, time, time);
  const old = write("one", 100);
  const first = await digest();
  // Only one who sets the clock of a file back is not seen: that is how the test knows that it was not read again.
  writeFileSync(path, "two");
  restore(old);
  expect(await digest()).toBe(first);
  write("two", 99);
  const second = await digest();
  expect(second).not.toBe(first);
  const fresh = write("six", 0);
  const third = await digest();
  writeFileSync(path, "ten");
  restore(fresh);
  expect(new Set([first, second, third, await digest()]).size).toBe(4);
});
