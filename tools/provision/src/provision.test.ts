import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheDirectory, readTensorflowPointer } from "@anneal/runtime";
import { expect, test } from "vitest";
import { checkPrerequisites, ensureAll } from "./index.ts";

// The real thing: installs what is missing, which on a fresh machine takes a download of 320 MB.
test("TensorFlow, its addon and the Temporal CLI are there and run; a second call says nothing", {
  timeout: 600_000,
}, async () => {
  const { tensorflow, temporal } = await ensureAll({ device: "cpu", log: () => {} });
  expect(existsSync(join(tensorflow.libDir, "libtensorflow_cc.so.2"))).toBe(true);
  expect(readTensorflowPointer("cpu")).toEqual(tensorflow);
  const script = "process.stdout.write(require(process.argv[1]).TF_Version)";
  expect(execFileSync(process.execPath, ["-e", script, tensorflow.addonPath]).toString()).toBe("2.21.0");
  expect(execFileSync(temporal.path, ["--version"]).toString()).toContain(`temporal version ${temporal.version}`);

  const lines: string[] = [];
  expect(await ensureAll({ device: "cpu", log: (line) => lines.push(line) })).toEqual({ tensorflow, temporal });
  expect(lines).toEqual([]);

  const rows = await checkPrerequisites();
  expect(rows.filter((row) => !row.ok)).toEqual([]);
  expect(rows.map((row) => row.name)).toEqual(
    expect.arrayContaining(["platform", "TensorFlow", "Temporal CLI", "avx512", "bf16"]),
  );
});

test("a cache that is seen through a link leaves nothing behind that ends with the link", async () => {
  const folder = mkdtempSync(join(tmpdir(), "anneal-linked-cache-"));
  const cache = process.env.ANNEAL_CACHE;
  const before = readTensorflowPointer("cpu");
  try {
    symlinkSync(cacheDirectory(), join(folder, "cache"));
    process.env.ANNEAL_CACHE = join(folder, "cache");
    await ensureAll({ device: "cpu", log: () => {} });
  } finally {
    if (cache === undefined) delete process.env.ANNEAL_CACHE;
    else process.env.ANNEAL_CACHE = cache;
    rmSync(folder, { recursive: true });
  }
  expect(readTensorflowPointer("cpu")).toEqual(before);
  expect(existsSync(before?.addonPath ?? "")).toBe(true);
});
