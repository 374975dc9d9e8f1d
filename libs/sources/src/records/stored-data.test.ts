import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { SourceContext } from "../source.ts";
import { NumberWriter, type StagedFiles, storedData } from "./stored-data.ts";

const root = mkdtempSync(join(tmpdir(), "anneal-stored-"));
afterAll(() => rmSync(root, { recursive: true }));
const context: SourceContext = { cacheDirectory: root, memoryBytes: 0, onBadRecord: "fail" };
const directoryOf = (digest: string) => join(root, "data", digest);

/** Larger than what is written at once, in pieces of several sizes. */
async function write(files: StagedFiles): Promise<{ length: number }> {
  const file = await files.create("bytes");
  for (let i = 0; i < 40; i += 1) await file.append(new Uint8Array(300_001).fill(i));
  await file.append(new Uint8Array(5_000_000).fill(99));
  const numbers = new NumberWriter(await files.create("numbers"), new Uint32Array());
  for (let i = 0; i < 5_000; i += 1) {
    numbers.push(i);
    if (i % 1_111 === 0) await numbers.flush();
  }
  await numbers.flush();
  return { length: file.length };
}

test("what was written is there whole, and is made once", async () => {
  const { directory, meta } = await storedData("one", context, write);
  expect([directory, meta]).toEqual([directoryOf("one"), { length: 40 * 300_001 + 5_000_000 }]);
  const bytes = readFileSync(join(directory, "bytes"));
  expect(bytes.length).toBe(meta.length);
  expect([0, 300_000, 300_001, 39 * 300_001, 40 * 300_001].map((at) => bytes[at])).toEqual([0, 0, 1, 39, 99]);
  const numbers = readFileSync(join(directory, "numbers"));
  expect(numbers.length).toBe(4 * 5_000);
  expect([0, 1_111, 4_999].map((i) => numbers.readUInt32LE(4 * i))).toEqual([0, 1_111, 4_999]);
  const again = await storedData("one", context, () => {
    throw new Error("it is there");
  });
  expect(again.meta).toEqual(meta);
});

test("what fails leaves nothing; what a dead process left is taken away, what a living one makes is not", async () => {
  const dead = `${directoryOf("two")}.4194305-abcdef12.tmp`;
  const alive = `${directoryOf("two")}.${process.pid}-abcdef12.tmp`;
  for (const directory of [dead, alive]) mkdirSync(directory, { recursive: true });
  const failing = storedData("two", context, async (files) => {
    await files.create("bytes");
    throw new Error("no more");
  });
  await expect(failing).rejects.toThrow("no more");
  expect(readdirSync(join(root, "data")).filter((name) => name.startsWith("two"))).toEqual([
    `two.${process.pid}-abcdef12.tmp`,
  ]);
});

test("data without its description, or with a file cut off, is made anew", async () => {
  const make = (content: string) =>
    storedData("three", context, async (files) => {
      await (await files.create("bytes")).append(Buffer.from(content));
      return {};
    });
  await make("first");
  writeFileSync(join(directoryOf("three"), "bytes"), "f");
  await make("second");
  expect(readFileSync(join(directoryOf("three"), "bytes"), "utf8")).toBe("second");
  rmSync(join(directoryOf("three"), "meta.json"));
  await make("third");
  expect(readFileSync(join(directoryOf("three"), "bytes"), "utf8")).toBe("third");
});

test("a full disk has a name, and one that stops leaves nothing", async () => {
  const full = Object.assign(new Error("no space"), { code: "ENOSPC" });
  const failing = storedData("four", context, () => Promise.reject(full));
  await expect(failing).rejects.toMatchObject({ code: "DISK_FULL", facts: { path: root } });
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(storedData("five", { ...context, signal }, async () => ({}))).rejects.toThrow("enough");
  expect(existsSync(directoryOf("five"))).toBe(false);
});
