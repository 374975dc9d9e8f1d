import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createReader } from "@anneal/sources";
import { afterAll, expect, test } from "vitest";
import { openDataset } from "./open.ts";
import { mobyDick, textWindows } from "./ready-made.ts";

const directory = mkdtempSync(join(tmpdir(), "anneal-text-"));
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

test("windows follow one another, and each character's label is the next one", async () => {
  // Nine characters, one of them beyond 16 bits: abc😀 in this order by code point.
  const open = await openDataset(textWindows({ path: write("text", "ab😀cabc😀a"), length: 3 }));
  expect(open).toMatchObject({
    numSamples: 2,
    numClasses: 4,
    inputs: { shape: [3], dtype: "int32" },
    labels: { shape: [3], dtype: "int32" },
  });
  const reader = createReader(open.parts[0]!.source);
  await reader.load(Uint32Array.of(0, 1));
  const labels = new Int32Array(6);
  [0, 1].forEach((sample) => {
    reader.readLabel(sample, labels, 3 * sample);
  });
  expect([...reader.input(0), ...reader.input(1)]).toEqual([0, 1, 3, 2, 0, 1]);
  expect([...labels]).toEqual([1, 3, 2, 0, 1, 2]);
});

test.each([
  ["a text without a whole window and its label", "abc", "DATASET_CORRUPT"],
  ["an empty text", "", "DATASET_CORRUPT"],
  ["what is no UTF-8", Uint8Array.of(0x61, 0xff, 0x61, 0x61, 0x61), "DATASET_CORRUPT"],
])("refuses %s", async (_what, content, code) => {
  const dataset = textWindows({ path: write("wrong", content), length: 3 });
  await expect(openDataset(dataset)).rejects.toMatchObject({ code, facts: { path: join(directory, "wrong") } });
});

test("refuses a file that is not there, and a length that is none", async () => {
  const dataset = textWindows({ path: join(directory, "nothing"), length: 3 });
  await expect(openDataset(dataset)).rejects.toMatchObject({ code: "DATASET_NOT_FOUND" });
  expect(() => textWindows({ path: "a", length: 0 })).toThrow(RangeError);
});

test("Moby-Dick is all there", async () => {
  const text = await readFile(mobyDick(), "utf8");
  expect(text.startsWith("CHAPTER 1. Loomings.\n\nCall me Ishmael.")).toBe(true);
  const open = await openDataset(textWindows({ path: mobyDick(), length: 128 }));
  expect(open).toMatchObject({ numSamples: 9_299, numClasses: 83 });
});
