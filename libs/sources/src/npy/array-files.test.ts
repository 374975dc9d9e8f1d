import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import type { SourceContext } from "../source.ts";
import { npyBytes, zipBytes } from "../test-support/npy-writer.ts";
import { readSamples } from "../test-support/read-samples.ts";
import { npySource, npzSource, openNpy, openNpz } from "./array-files.ts";

const root = mkdtempSync(join(tmpdir(), "anneal-npy-"));
afterAll(() => rmSync(root, { recursive: true }));
const context: SourceContext = { cacheDirectory: join(root, "cache"), memoryBytes: 2 ** 20, onBadRecord: "fail" };

let numFiles = 0;
function write(bytes: Uint8Array, end = "npy"): string {
  numFiles += 1;
  const path = join(root, `${numFiles}.${end}`);
  writeFileSync(path, bytes);
  return path;
}

const targets = npyBytes("<f4", [3, 2], new Uint8Array(Float32Array.of(0, 1, 2, 3, 4, 5).buffer));
const open = (inputs: Buffer) => openNpy(npySource({ inputs: write(inputs), labels: write(targets) }), context);

const numbers = [0, 1, 200];
const formats: readonly (readonly [string, ArrayBufferView, string])[] = [
  ["|u1", Uint8Array.from(numbers), "uint8"],
  ["<u2", Uint16Array.from(numbers), "int32"],
  ["<i2", Int16Array.from(numbers), "int32"],
  [">i2", Buffer.from([0, 0, 0, 1, 0, 200]), "int32"],
  ["<u4", Uint32Array.from(numbers), "int32"],
  ["<i4", Int32Array.from(numbers), "int32"],
  ["<i8", BigInt64Array.from(numbers, BigInt), "int32"],
  ["<u8", BigUint64Array.from(numbers, BigInt), "int32"],
  ["<f2", Float16Array.from(numbers), "float32"],
  ["<f4", Float32Array.from(numbers), "float32"],
  ["<f8", Float64Array.from(numbers), "float32"],
];

test.each(formats)("numbers of the format %s", async (descr, array, dtype) => {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const source = await open(npyBytes(descr, [3], bytes));
  expect(source).toMatchObject({
    numClasses: null,
    input: { shape: [], dtype },
    label: { shape: [2], dtype: "float32" },
  });
  expect(await readSamples(source, [2, 0, 1])).toEqual([
    { input: [200], label: [4, 5] },
    { input: [0], label: [0, 1] },
    { input: [1], label: [2, 3] },
  ]);
});

test.each([
  ["a format that has no place here", npyBytes("<c8", [3], new Uint8Array(24)), "number format"],
  [
    "an integer beyond 32 bits",
    npyBytes("<i8", [3], new Uint8Array(BigInt64Array.of(1n, 2n ** 31n, 0n).buffer)),
    "value",
  ],
  ["numbers after the last", npyBytes("|u1", [3], new Uint8Array(4)), "trailing bytes"],
  ["an array without dimensions", npyBytes("|u1", [], new Uint8Array(1)), "dimensions"],
  [
    "a header that says nothing",
    Buffer.from(npyBytes("|u1", [3], new Uint8Array(3)).toString("latin1").replace("shape", "shade"), "latin1"),
    "header",
  ],
  ["an array without samples", npyBytes("|u1", [0, 2], new Uint8Array(0)), "samples"],
])("refuses %s", async (_what, bytes, what) => {
  await expect(open(bytes)).rejects.toMatchObject({ code: "DATASET_CORRUPT", facts: { what } });
});

test("refuses an archive without one of the arrays, by what it has", async () => {
  const path = write(zipBytes({ "x.npy": npyBytes("|u1", [1], Uint8Array.of(1)) }, true), "npz");
  await expect(openNpz(npzSource({ file: path, inputs: "x", labels: "y" }), context)).rejects.toMatchObject({
    code: "DATASET_SCHEMA",
    facts: { column: "y", found: "only x" },
  });
});

test("whatever byte of a file is damaged, it is an error that says so, or changes nothing but numbers", async () => {
  const array = npyBytes("<i2", [3], new Uint8Array(Int16Array.of(0, 1, 2).buffer));
  const bytes = fc.nat({ max: 255 });
  for (const whole of [
    zipBytes({ "x.npy": array, "y.npy": array }, true),
    zipBytes({ "x.npy": array, "y.npy": array }, false),
  ]) {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: whole.length - 1 }), bytes, async (at, value) => {
        const damaged = Buffer.from(whole);
        damaged[at] = value;
        const path = write(damaged, "npz");
        const failure = await openNpz(npzSource({ file: path, inputs: "x", labels: "y" }), context).then(
          () => null,
          (cause: unknown) => cause,
        );
        if (failure !== null)
          expect(failure).toMatchObject({ code: expect.stringMatching(/^DATASET_(CORRUPT|SCHEMA)$/) });
      }),
      { numRuns: 60 },
    );
  }
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: array.length - 1 }), bytes, async (at, value) => {
      const damaged = Buffer.from(array);
      damaged[at] = value;
      const failure = await open(damaged).then(
        () => null,
        (cause: unknown) => cause,
      );
      if (failure !== null) expect(failure).toMatchObject({ code: "DATASET_CORRUPT" });
    }),
    { numRuns: 60 },
  );
});

test("what NumPy itself writes is read", async () => {
  const fixture = (name: string) => fileURLToPath(new URL(`../test-support/fixtures/${name}`, import.meta.url));
  const labels = fixture("y.npy");
  const sources = await Promise.all([
    ...["x.npy", "v3.npy"].map((name) => openNpy(npySource({ inputs: fixture(name), labels, numClasses: 3 }), context)),
    ...["stored.npz", "deflated.npz"].map((name) =>
      openNpz(npzSource({ file: fixture(name), inputs: "x", labels: "y", numClasses: 3 }), context),
    ),
  ]);
  for (const source of sources) {
    expect(await readSamples(source, [0, 1, 2])).toEqual([
      { input: [0, 1], label: [2] },
      { input: [2, 3], label: [0] },
      { input: [4, 5], label: [1] },
    ]);
  }
});
