import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, expect, test } from "vitest";
import { createReader } from "../open-source.ts";
import { tableSource } from "./declaration.ts";
import { openTable } from "./table-source.ts";

const root = mkdtempSync(join(tmpdir(), "anneal-large-table-"));
afterAll(() => rmSync(root, { recursive: true }));

/** What a table of so many rows may take; it takes a tenth of it on two cores that have nothing else to do. */
const limitMs = 60_000;

test.each(["csv", "parquet"])("two million rows of ten columns in %s are converted in seconds", async (format) => {
  const path = join(root, `large.${format}`);
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const columns = Array.from({ length: 9 }, (_, i) => `range * ${i + 1} AS c${i}`).join(", ");
  await connection.run(`COPY (SELECT ${columns}, 'kind' || (range % 3) AS kind FROM range(2000000)) TO '${path}'`);
  connection.closeSync();
  instance.closeSync();
  const declaration = tableSource({
    files: path,
    columns: Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`c${i}`, "number"] as const)),
    label: "kind",
  });
  const context = { cacheDirectory: join(root, "cache"), memoryBytes: 0, onBadRecord: "fail" } as const;
  const startedAt = performance.now();
  const source = await openTable(declaration, context);
  const elapsedMs = performance.now() - startedAt;
  expect(source.numSamples).toBe(2_000_000);
  const reader = createReader(source.handles);
  const indices = Uint32Array.of(0, 1, 1_234_567, 1_999_999);
  await reader.load(indices);
  indices.forEach((index, k) => {
    expect(reader.input(k)[8]).toBe(Math.fround(9 * index));
  });
  console.info(`${format}: ${Math.round(elapsedMs)} ms`);
  expect(elapsedMs).toBeLessThan(limitMs);
});
