import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { createReader } from "../open-source.ts";
import type { SourceContext } from "../source.ts";
import { readSamples } from "../test-support/read-samples.ts";
import { openTextLines, textLinesSource } from "./text-lines.ts";

const root = mkdtempSync(join(tmpdir(), "anneal-lines-"));
afterAll(() => rmSync(root, { recursive: true }));
const context: SourceContext = { cacheDirectory: join(root, "cache"), memoryBytes: 0, onBadRecord: "fail" };

function write(name: string, text: string): string {
  const path = join(root, name);
  writeFileSync(path, text);
  return path;
}

test("every text is cut as its lines are, and each line knows its number", async () => {
  let numFiles = 0;
  const line = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/[\r\n\uFEFF]/g, ""));
  const text = fc.array(fc.tuple(line, fc.constantFrom("\n", "\r\n")), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(text, fc.boolean(), async (lines, isOpen) => {
      const all = lines.map(([content, end], i) => content + (isOpen && i === lines.length - 1 ? "" : end)).join("");
      const expected = lines
        .map(([content], i) => ({ content, number: i + 1 }))
        .filter(({ content }) => content !== "");
      fc.pre(expected.length > 0);
      numFiles += 1;
      const path = write(`${numFiles}.txt`, all);
      const source = await openTextLines(textLinesSource({ files: path }), context);
      const reader = createReader(source.handles);
      const found = await readSamples(
        source,
        expected.map((_, i) => i),
      );
      expect(source.numSamples).toBe(expected.length);
      expect(found.map(({ input }) => Buffer.from(input).toString())).toEqual(expected.map(({ content }) => content));
      expect(expected.map((_, i) => reader.placeOf(i))).toEqual(
        expected.map(({ number }) => `${path}, line ${number}`),
      );
    }),
    { numRuns: 30 },
  );
});

test("lines that are longer than what is read at once", async () => {
  const long = "é".repeat(5_000_000);
  const path = write("long.txt", `short\n${long}\nlast`);
  const source = await openTextLines(textLinesSource({ files: path }), context);
  expect(source.input).toEqual({ shape: [null], dtype: "uint8", capacity: 10_000_000 });
  const reader = createReader(source.handles);
  await reader.load(Uint32Array.of(2, 1, 0));
  const texts = [0, 1, 2].map((k) => Buffer.from(reader.input(k) as Uint8Array).toString());
  expect(texts.map((text) => text.length)).toEqual([4, 5_000_000, 5]);
  expect(texts[1] === long).toBe(true);
});

test("classes by the names of files, given or found; labels without classes are 0", async () => {
  const files = [write("spam.txt", "a\n"), write("ham.txt", "b\nc\n")];
  const found = await openTextLines(textLinesSource({ files, classes: "file" }), context);
  expect(found).toMatchObject({ numClasses: 2, classNames: ["ham", "spam"] });
  expect((await readSamples(found, [0, 1, 2])).map(({ label }) => label[0])).toEqual([1, 0, 0]);
  const given = await openTextLines(
    textLinesSource({ files, classes: "file", classNames: ["spam", "eggs", "ham"] }),
    context,
  );
  expect((await readSamples(given, [0, 1])).map(({ label }) => label[0])).toEqual([0, 2]);
  const none = await openTextLines(textLinesSource({ files }), context);
  expect(none).toMatchObject({ numClasses: null, classNames: null });
  expect((await readSamples(none, [0, 2])).map(({ label }) => label[0])).toEqual([0, 0]);
  const unknown = textLinesSource({ files, classes: "file", classNames: ["ham"] });
  await expect(openTextLines(unknown, context)).rejects.toMatchObject({
    code: "DATASET_SCHEMA",
    facts: { found: "spam" },
  });
  expect(() => textLinesSource({ files, classNames: ["a", "a"] })).toThrow(RangeError);
});

test("many files, more than a thread keeps open", async () => {
  for (let i = 0; i < 80; i += 1) write(`many-${String(i).padStart(2, "0")}.txt`, `line ${i}\n`);
  const source = await openTextLines(textLinesSource({ files: join(root, "many-*.txt") }), context);
  const order = Array.from({ length: 160 }, (_, i) => (i * 37) % 80);
  const texts = (await readSamples(source, order, 50)).map(({ input }) => Buffer.from(input).toString());
  expect(texts).toEqual(order.map((i) => `line ${i}`));
});
