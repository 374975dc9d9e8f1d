import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import type { SourceContext } from "../source.ts";
import { readSamples } from "../test-support/read-samples.ts";
import { exampleBytes, tfrecordBytes } from "../test-support/tfrecord-writer.ts";
import { crc32c } from "./crc32c.ts";
import { type TfRecordInput, type TfRecordLabel, tfrecordSource } from "./declaration.ts";
import { bytesOf, floatsOf, integersOf, parseExample } from "./example.ts";
import { openTfRecord } from "./tfrecord-source.ts";

const root = mkdtempSync(join(tmpdir(), "anneal-tfrecord-"));
afterAll(() => rmSync(root, { recursive: true }));
const context: SourceContext = { cacheDirectory: join(root, "cache"), memoryBytes: 2 ** 20, onBadRecord: "fail" };

const open = (files: string, input: TfRecordInput, label: TfRecordLabel, options: Partial<SourceContext> = {}) =>
  openTfRecord(tfrecordSource({ files, features: { input, label } }), { ...context, ...options });

test("the checksum is that of its specification", () => {
  // RFC 3720, B.4, and the check value of the catalogue of CRCs.
  expect(crc32c(new Uint8Array(32))).toBe(0x8a91_36aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8_ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd_794e);
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe306_9283);
});

test("what TensorFlow itself writes is read", async () => {
  const file = fileURLToPath(new URL("../test-support/fixtures/tensorflow.tfrecord", import.meta.url));
  const images = await open(
    file,
    { feature: "image", type: "image", height: 2, width: 3, channels: 3, fit: "fill" },
    { feature: "label", type: "class", numClasses: 3 },
  );
  const pixels = (k: number) => Array.from({ length: 18 }, (_, i) => i + 50 * k);
  expect(await readSamples(images, [2, 0, 1])).toEqual([
    { input: pixels(2), label: [1] },
    { input: pixels(0), label: [0] },
    { input: pixels(1), label: [2] },
  ]);
  const integers = await open(
    file,
    { feature: "integers", type: "integer", shape: [3] },
    { feature: "floats", type: "float", shape: [2] },
  );
  expect(await readSamples(integers, [1])).toEqual([{ input: [-1, 2 ** 31 - 1, 300], label: [1.5, -1.25] }]);
  const names = await open(
    file,
    { feature: "name", type: "bytes" },
    { feature: "name", type: "name", classNames: ["cat", "größe"] },
  );
  expect(await readSamples(names, [0])).toEqual([{ input: [...Buffer.from("größe")], label: [1] }]);
});

test("every Example that can be written is read again, packed or not", () => {
  const values = fc.oneof(
    fc.array(fc.uint8Array(), { minLength: 1 }),
    fc.array(fc.float({ noNaN: true }), { minLength: 1 }),
    fc.array(fc.bigInt({ min: -(2n ** 53n), max: 2n ** 53n }), { minLength: 1 }),
  );
  const examples = fc.dictionary(fc.string(), values);
  fc.assert(
    fc.property(examples, fc.boolean(), (features, packed) => {
      const bytes = exampleBytes(features, packed);
      const found = parseExample(bytes);
      expect([...found.keys()].sort()).toEqual(Object.keys(features).sort());
      for (const [name, feature] of found) {
        const read = {
          bytes: () => bytesOf(bytes, feature).map(({ start, end }) => new Uint8Array(bytes.subarray(start, end))),
          float: () => floatsOf(bytes, feature),
          int64: () => integersOf(bytes, feature).map(BigInt),
        }[feature.kind]();
        expect(read).toEqual(features[name]);
      }
    }),
  );
});

test("bytes that are no Example are an Error, never a wrong read beyond them", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      try {
        for (const { start, end } of parseExample(bytes).values())
          expect([start, end].every((at) => at <= bytes.length)).toBe(true);
      } catch (cause) {
        expect(cause).toBeInstanceOf(Error);
        expect(cause).not.toBeInstanceOf(RangeError);
      }
    }),
  );
});

test("bad records say what they are", async () => {
  const good = { x: [1], y: [0n] };
  const records = [
    good,
    { x: [1, 2], y: [0n] },
    { y: [0n] },
    { x: [1n], y: [0n] },
    { x: [1], y: [3n] },
    { x: [1], y: [2n ** 40n] },
    { x: [1], y: [0n, 1n] },
    good,
  ].map((example) => exampleBytes(example));
  const file = join(root, "bad.tfrecord");
  writeFileSync(file, tfrecordBytes([...records, Buffer.from("hello")]));
  const parts = [
    { feature: "x", type: "float", shape: [] },
    { feature: "y", type: "class", numClasses: 3 },
  ] as const;
  const source = await open(file, ...parts, { onBadRecord: "skip" });
  expect(source.numSamples).toBe(2);
  expect(source.badRecords.count).toBe(7);
  expect(source.badRecords.places[0]).toBe(`${file}, record 2`);
  await expect(open(file, ...parts)).rejects.toMatchObject({
    code: "BAD_RECORD",
    facts: { place: `${file}, record 2`, reason: 'the feature "x" has 2 values, not 1' },
  });
});

test("whatever byte of a file is damaged, no sample is wrong", async () => {
  const examples = [1, 2, 3].map((x) => exampleBytes({ x: [x], y: [BigInt(x - 1)] }));
  const whole = tfrecordBytes(examples);
  const parts = [
    { feature: "x", type: "float", shape: [] },
    { feature: "y", type: "class", numClasses: 3 },
  ] as const;
  const file = join(root, "damaged.tfrecord");
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, flipped) => {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= flipped;
      writeFileSync(file, damaged);
      const source = await open(file, ...parts, { onBadRecord: "skip" }).catch((cause: unknown) => {
        expect(cause).toMatchObject({ code: "DATASET_CORRUPT" });
        return null;
      });
      if (source === null) return;
      expect([source.numSamples, source.badRecords.count]).toEqual([2, 1]);
      for (const { input, label } of await readSamples(source, [0, 1])) expect(label[0]).toBe(input[0]! - 1);
    }),
    { numRuns: 40 },
  );
});

test("refuses compressed files, and sizes that are none", async () => {
  const file = join(root, "zipped.tfrecord");
  writeFileSync(file, gzipSync(tfrecordBytes([exampleBytes({ x: [1] })])));
  const label = { feature: "x", type: "float", shape: [] } as const;
  await expect(open(file, { feature: "x", type: "float", shape: [] }, label)).rejects.toMatchObject({
    code: "DATASET_CORRUPT",
    facts: { what: "compression", found: "gzip" },
  });
  expect(() =>
    tfrecordSource({ files: file, features: { input: { feature: "x", type: "float", shape: [0] }, label } }),
  ).toThrow(RangeError);
});
