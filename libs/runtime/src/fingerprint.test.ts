import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { readCpu } from "./cpu.ts";
import { fingerprint, fingerprintDifferences } from "./fingerprint.ts";
import { cacheDirectory, requestedDevice, tensorflowPointerPath } from "./paths.ts";

const directory = mkdtempSync(join(tmpdir(), "anneal-fingerprint-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const options = {
  engine: "eager",
  policy: { precision: "float32", memory: { prefetchBatches: 8 } },
  threads: { intraOp: 2, interOp: 2 },
} as const;

test("equal on one machine, whatever does not touch the bits", () => {
  const other = { ...options, policy: { precision: "float32", memory: { prefetchBatches: 64 } } } as const;
  expect(fingerprintDifferences(fingerprint(options), fingerprint(other))).toEqual([]);
});

test("names what differs: threads, precision, environment, a field that one lacks", () => {
  const original = fingerprint(options);
  expect(original).toMatchObject({
    engine: "eager",
    precision: "float32",
    device: "cpu",
    intraOpThreads: 2,
    gpu: null,
  });
  vi.stubEnv("ONEDNN_MAX_CPU_ISA", "AVX2");
  const other = fingerprint({ ...options, threads: { intraOp: 4, interOp: 2 } });
  expect(fingerprintDifferences(original, other)).toEqual(["ONEDNN_MAX_CPU_ISA", "intraOpThreads"]);
  expect(fingerprintDifferences(original, { ...original, newer: 1 })).toEqual(["newer"]);
  expect(fingerprintDifferences(original, { ...original, newer: null })).toEqual([]);
});

test("is flat JSON that survives a manifest", () => {
  const original = fingerprint(options);
  expect(fingerprintDifferences(original, JSON.parse(JSON.stringify(original)))).toEqual([]);
});

test("reads x64 and arm64 processors", () => {
  const cache = join(directory, "cache");
  for (const [index, level, type, size] of [
    ["index0", "1", "Data", "48K"],
    ["index1", "3", "Unified", "32M"],
  ] as const) {
    mkdirSync(join(cache, index), { recursive: true });
    writeFileSync(join(cache, index, "level"), `${level}\n`);
    writeFileSync(join(cache, index, "type"), `${type}\n`);
    writeFileSync(join(cache, index, "size"), `${size}\n`);
  }
  const x64 =
    "model\t\t: 17\nmodel name\t: AMD EPYC\nstepping\t: 1\ncpu family\t: 25\nflags\t\t: fpu avx2 fma avx512f sse\n\n";
  expect(readCpu(x64, cache)).toEqual({
    model: "AMD EPYC (25/17/1)",
    extensions: ["avx2", "fma", "avx512f"],
    cacheBytes: { L1d: 49_152, L3: 33_554_432 },
  });
  const arm64 = "Features\t: fp asimd sve bf16 i8mm\nCPU implementer\t: 0x41\nCPU variant\t: 0x0\nCPU part\t: 0xd4f\n";
  expect(readCpu(arm64, join(directory, "none"))).toEqual({
    model: "0x41 0xd4f 0x0",
    extensions: ["asimd", "sve", "bf16", "i8mm"],
    cacheBytes: {},
  });
});

test("where things lie follows the environment", () => {
  expect(cacheDirectory({ ANNEAL_CACHE: "/a" })).toBe("/a");
  expect(cacheDirectory({ XDG_CACHE_HOME: "/b" })).toBe("/b/anneal");
  expect(cacheDirectory({})).toMatch(/\/\.cache\/anneal$/);
  expect(requestedDevice({ ANNEAL_DEVICE: "gpu" })).toBe("gpu");
  expect(tensorflowPointerPath("gpu", { ANNEAL_CACHE: "/a" })).toBe("/a/tensorflow/current-gpu.json");
});
