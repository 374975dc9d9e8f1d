import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openFashionMnist } from "./fashion-mnist.ts";

const directory = mkdtempSync(join(tmpdir(), "anneal-fashion-"));
afterAll(() => rmSync(directory, { recursive: true }));

test.each([
  ["an image too few", '{"data":[[1,2,3]]}', "number of pixels"],
  ["a value that is no pixel", '{"data":[[1,256,3]]}', "pixel of image 0"],
])("refuses a file with %s", async (_what, content, what) => {
  writeFileSync(join(directory, "0.json"), content);
  const opening = openFashionMnist({ kind: "fashionMnist", directory });
  await expect(opening).rejects.toMatchObject({ code: "DATASET_CORRUPT", facts: { what } });
});

test("refuses a folder without its files", async () => {
  const opening = openFashionMnist({ kind: "fashionMnist", directory: join(directory, "nowhere") });
  await expect(opening).rejects.toMatchObject({ code: "DATASET_NOT_FOUND" });
});
