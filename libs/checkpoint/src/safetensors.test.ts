import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnnealError } from "@anneal/contracts";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
import type { NamedTensor } from "./tensors.ts";
import { arbitraryTensors, bitsOf, byName } from "./test-support/arbitrary-tensors.ts";
import { runPython } from "./test-support/python-safetensors.ts";

const directory = mkdtempSync(join(tmpdir(), "anneal-safetensors-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function encode(tensors: readonly NamedTensor[], metadata?: Record<string, string>): Uint8Array {
  const { header, chunks, numBytes } = encodeSafetensors(tensors, metadata);
  const bytes = Buffer.concat([header, ...chunks]);
  expect(bytes.byteLength).toBe(numBytes);
  expect(header.byteLength % 8).toBe(0);
  return bytes;
}

/** A file with this header's text, whatever it says. */
function fileOf(header: string, dataBytes: number): Uint8Array {
  const text = Buffer.from(header);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(text.byteLength));
  return Buffer.concat([prefix, text, Buffer.alloc(dataBytes)]);
}

function expectCorrupt(bytes: Uint8Array): void {
  expect(() => decodeSafetensors(bytes)).toThrow(expect.objectContaining({ code: "CHECKPOINT_CORRUPT" }));
}

/** Decodes, or throws nothing but the code for damage. */
function survives(bytes: Uint8Array): boolean {
  try {
    decodeSafetensors(bytes);
    return true;
  } catch (error) {
    return error instanceof AnnealError && error.code === "CHECKPOINT_CORRUPT";
  }
}

const exampleTensors: readonly NamedTensor[] = [
  { name: "scalar", dtype: "F64", shape: [], data: Float64Array.of(Math.PI) },
  { name: "b/kernel", dtype: "F32", shape: [2, 3], data: Float32Array.of(1, -2, 3.5, Number.NaN, -0, Infinity) },
  { name: "half", dtype: "F16", shape: [2], data: Uint16Array.of(0x3c00, 0xc000) },
  { name: "brain", dtype: "BF16", shape: [2], data: Uint16Array.of(0x3f80, 0xc000) },
  { name: "steps", dtype: "I64", shape: [2], data: BigInt64Array.of(-1n, 2n ** 53n) },
  { name: "labels", dtype: "I32", shape: [3], data: Int32Array.of(7, -7, 0) },
  { name: "mask", dtype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) },
  { name: "empty", dtype: "U8", shape: [0, 4], data: new Uint8Array(0) },
];

describe("safetensors", () => {
  it("reads back what it wrote, bit for bit, in any order of input", () => {
    fc.assert(
      fc.property(arbitraryTensors, fc.dictionary(fc.string(), fc.string()), (tensors, metadata) => {
        const bytes = encode(tensors, metadata);
        const decoded = decodeSafetensors(bytes);
        expect(byName(decoded.tensors)).toEqual(byName(tensors));
        expect(Object.entries(decoded.metadata).sort()).toEqual(Object.entries(metadata).sort());
        expect(Buffer.compare(bytes, encode([...tensors].reverse(), metadata))).toBe(0);
      }),
    );
  });

  it("gives views of the callers' memory, and of a shared buffer too", () => {
    const data = new Float32Array(new SharedArrayBuffer(64), 16, 8).fill(1);
    const { chunks } = encodeSafetensors([{ name: "w", dtype: "F32", shape: [8], data }]);
    expect(chunks[0]?.buffer).toBe(data.buffer);
    expect(chunks[0]?.byteOffset).toBe(16);
  });

  it("decodes without a copy where the file is aligned, and right where it is not", () => {
    const bytes = encode(exampleTensors);
    const aligned = new Uint8Array(bytes);
    for (const { data } of decodeSafetensors(aligned).tensors) expect(data.buffer).toBe(aligned.buffer);
    const shifted = new Uint8Array(bytes.byteLength + 1).subarray(1);
    shifted.set(bytes);
    expect(byName(decodeSafetensors(shifted).tensors)).toEqual(byName(exampleTensors));
  });

  it("refuses to write a name twice, the reserved name, or data that does not fill its shape", () => {
    const tensor = { name: "w", dtype: "F32", shape: [2], data: new Float32Array(2) } as const;
    expect(() => encodeSafetensors([tensor, tensor])).toThrow(/named "w"/);
    expect(() => encodeSafetensors([{ ...tensor, name: "__metadata__" }])).toThrow(/reserved/);
    expect(() => encodeSafetensors([{ ...tensor, shape: [3] }])).toThrow(/holds 8 bytes/);
  });

  const entry = (dtype: string, shape: string, offsets: string) =>
    `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
  it.each([
    ["no JSON", "{nope", 0],
    ["an array", "[]", 0],
    ["leading space", ' {"a":1}', 0],
    ["null for a tensor", '{"a":null}', 0],
    ["an unknown dtype", `{"a":${entry("F33", "[1]", "[0,4]")}}`, 4],
    ["an inherited name as dtype", `{"a":${entry("toString", "[1]", "[0,4]")}}`, 4],
    ["fields from a prototype", `{"a":{"__proto__":${entry("F32", "[1]", "[0,4]")}}}`, 4],
    ["a negative size", `{"a":${entry("F32", "[-1]", "[0,4]")}}`, 4],
    ["a fractional size", `{"a":${entry("F32", "[1.5]", "[0,6]")}}`, 6],
    ["a product beyond exact integers", `{"a":${entry("F32", "[4294967296,4294967296]", "[0,4]")}}`, 4],
    ["too few bytes for the shape", `{"a":${entry("F32", "[2]", "[0,4]")}}`, 4],
    ["offsets that run backwards", `{"a":${entry("F32", "[0]", "[4,0]")}}`, 4],
    ["offsets beyond the file", `{"a":${entry("F32", "[2]", "[0,8]")}}`, 4],
    ["bytes that no tensor owns at the end", `{"a":${entry("F32", "[1]", "[0,4]")}}`, 8],
    ["bytes that no tensor owns at the start", `{"a":${entry("F32", "[1]", "[4,8]")}}`, 8],
    ["overlapping tensors", `{"a":${entry("U8", "[4]", "[0,4]")},"b":${entry("U8", "[4]", "[2,6]")}}`, 6],
    ["a name twice", `{"a":${entry("U8", "[2]", "[0,2]")},"a":${entry("U8", "[2]", "[0,2]")}}`, 2],
    ["an escaped name twice", `{"a":${entry("U8", "[2]", "[0,2]")},"\\u0061":${entry("U8", "[2]", "[0,2]")}}`, 2],
    ["a field twice", `{"a":{"dtype":"U8",${entry("U8", "[2]", "[0,2]").slice(1)}}`, 2],
    ["metadata that is no text", '{"__metadata__":{"a":1}}', 0],
  ])("refuses a header with %s", (_what, header, dataBytes) => {
    expectCorrupt(fileOf(header, dataBytes));
  });

  it("refuses a header that is too long for its file, for the limit, or not UTF-8", () => {
    const long = Buffer.alloc(16);
    long.writeBigUInt64LE(2n ** 63n);
    expectCorrupt(long);
    long.writeBigUInt64LE(9n);
    expectCorrupt(long);
    const invalid = Buffer.from(fileOf('{"__metadata__":{"a":"x"}}', 0));
    invalid[invalid.indexOf("x")] = 0xff;
    expectCorrupt(invalid);
  });

  it("finds every truncation", () => {
    const bytes = encode(exampleTensors, { format: "anneal" });
    for (let length = 0; length < bytes.byteLength; length++) expectCorrupt(bytes.subarray(0, length));
  });

  it("survives any damage: reads a sound file or says that it is corrupt", () => {
    const bytes = encode(exampleTensors, { format: "anneal" });
    const damage = fc.record({ at: fc.nat({ max: bytes.byteLength - 1 }), value: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 8 }), (hits) => {
        const damaged = Buffer.from(bytes);
        for (const { at, value } of hits) damaged[at] = value;
        return survives(damaged);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), survives));
    fc.assert(fc.property(fc.json(), fc.nat({ max: 32 }), (json, dataBytes) => survives(fileOf(json, dataBytes))));
  });

  it("is read by the reference implementation in Python", async () => {
    const path = join(directory, "ours.safetensors");
    writeFileSync(path, encode(exampleTensors, { format: "anneal" }));
    const program = `
import json, sys, safetensors
data = open(sys.argv[1], "rb").read()
tensors = safetensors.deserialize(data)
print(json.dumps([{"name": n, "dtype": t["dtype"], "shape": t["shape"], "bytes": bytes(t["data"]).hex()} for n, t in tensors]))`;
    const read = JSON.parse(await runPython(program, path)) as { name: string }[];
    expect(read.sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual(byName(exampleTensors));
  }, 60_000);

  it("reads what the reference implementation in Python writes", async () => {
    const path = join(directory, "theirs.safetensors");
    const program = `
import struct, sys, safetensors
tensors = {
  "kernel": {"dtype": "float32", "shape": [2, 2], "data": struct.pack("<4f", 1, 2, 3, 4)},
  "steps": {"dtype": "int64", "shape": [], "data": struct.pack("<q", -5)},
  "mask": {"dtype": "bool", "shape": [3], "data": bytes([1, 0, 1])},
  "brain": {"dtype": "bfloat16", "shape": [1], "data": bytes([0x80, 0x3f])},
}
open(sys.argv[1], "wb").write(safetensors.serialize(tensors, {"by": "python"}))`;
    await runPython(program, path);
    const { tensors, metadata } = decodeSafetensors(await readFile(path));
    expect(metadata).toEqual({ by: "python" });
    expect(byName(tensors)).toEqual([
      bitsOf({ name: "brain", dtype: "BF16", shape: [1], data: Uint16Array.of(0x3f80) }),
      bitsOf({ name: "kernel", dtype: "F32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }),
      bitsOf({ name: "mask", dtype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) }),
      bitsOf({ name: "steps", dtype: "I64", shape: [], data: BigInt64Array.of(-5n) }),
    ]);
  }, 60_000);
});
