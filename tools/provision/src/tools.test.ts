import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ensureAddon } from "./addon.ts";
import { findCompiler, probeCompiler } from "./compiler.ts";
import { checkPrerequisites } from "./doctor.ts";
import { compareVersions, supportedArchitecture } from "./platform.ts";
import { findPython } from "./python.ts";
import { temporalOnPath } from "./temporal.ts";

let directory = "";
const sh = execFileSync("which", ["sh"]).toString().trim();

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "anneal-tools-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Puts a shell script of this name on an otherwise empty PATH. */
function onlyOnPath(name: string, script: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!${sh}\n${script}\n`);
  chmodSync(path, 0o755);
  vi.stubEnv("PATH", directory);
  return path;
}

describe("with an empty PATH", () => {
  beforeEach(() => {
    vi.stubEnv("PATH", directory);
    vi.stubEnv("CXX", "");
  });

  test("no compiler: TOOL_MISSING with the command that installs one", async () => {
    await expect(findCompiler()).rejects.toMatchObject({
      code: "TOOL_MISSING",
      remedy: expect.stringMatching(/apt-get install|dnf install/),
      facts: { tool: "g++" },
    });
  });

  test("no Python: TOOL_MISSING with the command that installs it", async () => {
    await expect(findPython()).rejects.toMatchObject({
      code: "TOOL_MISSING",
      message: expect.stringContaining("Python 3"),
      remedy: expect.stringContaining("python3-pip"),
    });
  });

  test("`pnpm provision` says so, ends with the documented exit code and leaves no artefact", () => {
    const env = { PATH: directory, ANNEAL_CACHE: join(directory, "cache") };
    const { status, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, "main.ts")], { env });
    expect(stderr.toString()).toContain("TOOL_MISSING: Python 3 was not found");
    expect(status).toBe(8);
    expect(readdirSync(join(directory, "cache", "tensorflow"))).toEqual([]);
    expect(readdirSync(join(directory, "cache", "temporal"))).toEqual([]);
  });

  test("the doctor names both, installs nothing", async () => {
    vi.stubEnv("ANNEAL_CACHE", join(directory, "cache"));
    const rows = await checkPrerequisites();
    const row = (name: string) => rows.find((candidate) => candidate.name === name);
    expect(row("Python")).toMatchObject({
      ok: false,
      code: "TOOL_MISSING",
      remedy: expect.stringContaining("python3"),
    });
    expect(row("C++ compiler")).toMatchObject({ ok: false, code: "TOOL_MISSING" });
    expect(row("TensorFlow")).toMatchObject({ ok: false, remedy: expect.stringContaining("pnpm provision") });
    expect(row("Temporal CLI")).toMatchObject({ ok: false });
    expect(readdirSync(directory)).toEqual([]);
  });
});

test("a Python without pip is named as such", async () => {
  onlyOnPath("python3", "echo 3.12.1");
  await expect(findPython()).rejects.toMatchObject({ message: expect.stringContaining("no pip") });
});

test("a Python that is too old is named with both versions", async () => {
  onlyOnPath("python3", "echo 3.8.20; echo 23.0");
  await expect(findPython()).rejects.toMatchObject({ message: expect.stringMatching(/3\.8\.20.*3\.9/) });
});

test("CXX chooses the compiler, arguments included; one that is missing is named", async () => {
  const path = onlyOnPath("mycxx", 'echo "mycxx $1 1.0"');
  vi.stubEnv("CXX", "mycxx --wrapped");
  expect(await probeCompiler()).toEqual({ command: [path, "--wrapped"], version: "mycxx --wrapped 1.0" });
  vi.stubEnv("CXX", "nowhere++");
  await expect(findCompiler()).rejects.toMatchObject({ message: expect.stringContaining("nowhere++") });
});

test("a compiler that fails ends as COMPILE_FAILED with its errors, and leaves no addon", async () => {
  const cxx = onlyOnPath(
    "cxx",
    'case "$1" in --version) echo cxx 1.0;; *) echo "x.cc:1: error: bad" >&2; exit 1;; esac',
  );
  vi.stubEnv("CXX", cxx);
  const root = join(directory, "root");
  mkdirSync(root);
  await expect(ensureAddon(root, () => {})).rejects.toMatchObject({
    code: "COMPILE_FAILED",
    message: expect.stringContaining("x.cc:1: error: bad"),
  });
  expect(readdirSync(root)).toEqual([]);
});

test("a recent temporal on the PATH is used, an old one is not", async () => {
  const path = onlyOnPath("temporal", "echo 'temporal version 1.7.0 (Server 1.30.0, UI 2.40.0)'");
  expect(await temporalOnPath()).toEqual({ path, version: "1.7.0" });
  onlyOnPath("temporal", "echo 'temporal version 1.4.9 (Server 1.20.0, UI 2.0.0)'");
  expect(await temporalOnPath()).toBeNull();
});

describe("platforms", () => {
  const linux = { platform: "linux", arch: "x64", glibc: "2.36" } as const;

  test("Linux with glibc is supported, on x64 and arm64", () => {
    expect(supportedArchitecture(linux)).toBe("x64");
    expect(supportedArchitecture({ ...linux, arch: "arm64" })).toBe("arm64");
  });

  test.each([
    { ...linux, platform: "darwin" as const },
    { ...linux, platform: "win32" as const },
    { ...linux, arch: "ia32" },
    { ...linux, glibc: null },
    { ...linux, glibc: "2.17" },
  ])("$platform $arch $glibc is plainly not supported", async (host) => {
    expect(() => supportedArchitecture(host)).toThrow(expect.objectContaining({ code: "PLATFORM_UNSUPPORTED" }));
    const [platform] = await checkPrerequisites(host);
    expect(platform).toMatchObject({
      ok: false,
      code: "PLATFORM_UNSUPPORTED",
      found: expect.stringContaining("not supported"),
    });
  });

  test("versions compare by number", () => {
    expect(compareVersions("2.9", "2.27")).toBeLessThan(0);
    expect(compareVersions("1.10.0", "1.9.1")).toBeGreaterThan(0);
    expect(compareVersions("1.9", "1.9.0")).toBe(0);
    expect(compareVersions("3.14.0rc1", "3.9")).toBeGreaterThan(0);
  });
});
