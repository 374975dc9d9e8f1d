import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { installOnce } from "./install.ts";
import { unpackWheel, verifyHash } from "./wheels.ts";

// The real pip, fed from a folder instead of the network.
const directory = mkdtempSync(join(tmpdir(), "anneal-wheels-"));
const links = join(directory, "links");
const wheelPath = join(links, "anneal_artefact-1.0-py3-none-any.whl");
const target = join(directory, "target");
let sha256 = "";

beforeAll(() => {
  mkdirSync(links);
  const script = `
import sys, zipfile
info = "anneal_artefact-1.0.dist-info/"
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("package/library.so", "library")
    wheel.writestr("package/unwanted.py", "x")
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: anneal-artefact\\nVersion: 1.0\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "")
`;
  execFileSync("python3", ["-c", script, wheelPath]);
  sha256 = createHash("sha256").update(readFileSync(wheelPath)).digest("hex");
});

beforeEach(() => {
  vi.stubEnv("PIP_NO_INDEX", "1");
  vi.stubEnv("PIP_FIND_LINKS", links);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function install(digest: string, project = "anneal-artefact") {
  const wheel = { project, version: "1.0", sha256: [digest] };
  const fill = (path: string) => unpackWheel({ wheel, arch: "x64", directory: path, keep: "\\.so$", log: () => {} });
  return installOnce({ target, title: project, requiredBytes: 1, log: () => {}, fill });
}

test("a wheel with another hash is refused and leaves nothing", async () => {
  await expect(install("0".repeat(64))).rejects.toMatchObject({
    code: "HASH_MISMATCH",
    facts: { project: "anneal-artefact", expected: "0".repeat(64), found: sha256 },
  });
  expect(existsSync(target)).toBe(false);
  expect(readdirSync(directory)).toEqual(["links"]);
});

test("a wheel that cannot be had ends as DOWNLOAD_FAILED and names it", async () => {
  await expect(install(sha256, "anneal-nowhere")).rejects.toMatchObject({
    code: "DOWNLOAD_FAILED",
    message: expect.stringContaining("anneal-nowhere 1.0"),
  });
  expect(existsSync(target)).toBe(false);
});

test("the pinned wheel is fetched, unpacked as far as wanted, and not kept", async () => {
  await install(sha256);
  expect(readdirSync(target)).toEqual(["package"]);
  expect(readFileSync(join(target, "package", "library.so"), "utf8")).toBe("library");
  expect(readdirSync(join(target, "package"))).toEqual(["library.so"]);
});

test("our own check finds one changed byte, whatever pip thinks", async () => {
  const wheel = { project: "anneal-artefact", version: "1.0", sha256: [sha256] };
  await expect(verifyHash(wheelPath, wheel)).resolves.toBeUndefined();
  appendFileSync(wheelPath, "!");
  await expect(verifyHash(wheelPath, wheel)).rejects.toMatchObject({ code: "HASH_MISMATCH" });
});
