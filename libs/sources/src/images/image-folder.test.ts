import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SourceContext } from "../source.ts";
import { readSamples } from "../test-support/read-samples.ts";
import { imageFolderSource, openImageFolder } from "./image-folder.ts";

const root = mkdtempSync(join(tmpdir(), "anneal-folders-"));
const context: SourceContext = { cacheDirectory: join(root, "cache"), memoryBytes: 0, onBadRecord: "fail" };
const size = { height: 2, width: 2, channels: 1 } as const;

beforeAll(async () => {
  for (const [path, grey] of [
    ["x/dog/1.JPG", 20],
    ["x/cat/1.jpeg", 80],
    ["x/cat/sub/2.png", 120],
  ] as const) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    const image = sharp({ create: { width: 9, height: 7, channels: 3, background: { r: grey, g: grey, b: grey } } });
    writeFileSync(join(root, path), await image.toFormat(path.endsWith("png") ? "png" : "jpeg").toBuffer());
  }
  writeFileSync(join(root, "x/cat/notes.txt"), "no image");
});
afterAll(() => rmSync(root, { recursive: true }));

const labelled = async (options: Omit<Parameters<typeof imageFolderSource>[0], keyof typeof size>) => {
  const source = await openImageFolder(imageFolderSource({ ...size, ...options }), context);
  const indices = Array.from({ length: source.numSamples }, (_, i) => i);
  const samples = await readSamples(source, indices);
  return {
    ...source,
    found: samples.map(({ input, label }) => [Math.round(input[0]! / 20) * 20, source.classNames![label[0]!]]),
  };
};

test("a directory has its classes first, patterns have them last", async () => {
  const directory = await labelled({ directory: join(root, "x") });
  expect(directory.classNames).toEqual(["cat", "dog"]);
  expect(directory.found).toEqual([
    [80, "cat"],
    [120, "cat"],
    [20, "dog"],
  ]);
  const patterns = await labelled({ files: [join(root, "x/dog/*"), join(root, "x/cat/**")] });
  expect(patterns.classNames).toEqual(["cat", "dog", "sub"]);
  expect(patterns.found).toEqual([
    [20, "dog"],
    [80, "cat"],
    [120, "sub"],
  ]);
  expect(new Set([...directory.keys!, ...patterns.keys!]).size).toBeGreaterThanOrEqual(3);
});

test("what images become is part of what they are known by", async () => {
  const digests = await Promise.all(
    [{}, { width: 3 }, { fit: "fill" as const }, { channels: 3 as const }, { classNames: ["dog", "cat"] }].map(
      async (options) =>
        (await openImageFolder(imageFolderSource({ directory: join(root, "x"), ...size, ...options }), context)).digest,
    ),
  );
  expect(new Set(digests).size).toBe(digests.length);
});

test.each([
  ["neither directory nor files", {}],
  ["both", { directory: "/a", files: "/b/*" }],
  ["a height that is none", { directory: "/a", height: 0 }],
  ["classes that are not different", { directory: "/a", classNames: ["a", "a"] }],
])("refuses %s", (_what, options) => {
  expect(() => imageFolderSource({ ...size, ...options })).toThrow(RangeError);
});

test("refuses directories that are not there or hold no images, and relative ones", async () => {
  mkdirSync(join(root, "empty/cat"), { recursive: true });
  for (const directory of [join(root, "nowhere"), join(root, "empty"), "x"]) {
    const opening = openImageFolder(imageFolderSource({ ...size, directory }), context);
    await expect(opening).rejects.toMatchObject({ code: "DATASET_NOT_FOUND", facts: { path: directory } });
  }
});
