import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { checkJars, ensureKafka, kafkaCachePath } from "./kafka.ts";

let directory = "";
const sh = execFileSync("which", ["sh"]).toString().trim();
const log = (): void => {};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "anneal-kafka-"));
  vi.stubEnv("PATH", directory);
  vi.stubEnv("JAVA_HOME", "");
  vi.stubEnv("ANNEAL_CACHE", join(directory, "cache"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Puts a shell script on the otherwise empty PATH. */
function command(name: string, script: string): void {
  writeFileSync(join(directory, name), `#!${sh}\n${script}\n`);
  chmodSync(join(directory, name), 0o755);
}

test("without Java, with one that is too old, or without Maven: said plainly, with the command that installs it", async () => {
  await expect(ensureKafka({ log })).rejects.toMatchObject({
    code: "TOOL_MISSING",
    message: expect.stringContaining("Java was not found"),
    remedy: expect.stringMatching(/openjdk/),
  });
  command("java", "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2");
  await expect(ensureKafka({ log })).rejects.toMatchObject({
    message: expect.stringMatching(/Java 11 .*too old.*17/),
  });
  command("java", "echo 'openjdk version \"21.0.2\" 2024-01-15' >&2");
  await expect(ensureKafka({ log })).rejects.toMatchObject({ code: "TOOL_MISSING", facts: { tool: "mvn" } });
});

test("`pnpm provision kafka` ends with the documented exit code; what is not offered is refused", () => {
  const provision = (...args: string[]) => spawnSync(process.execPath, [join(import.meta.dirname, "main.ts"), ...args]);
  const { status, stderr } = provision("kafka");
  expect(stderr.toString()).toContain("TOOL_MISSING: Java was not found");
  expect(status).toBe(8);
  expect(provision("pulsar").status).toBe(2);
});

test("archives that are not those that were pinned are not installed", async () => {
  command("java", "echo 'openjdk version \"17.0.2\" 2022-01-18' >&2");
  command("mvn", "exit 0");
  await expect(ensureKafka({ log })).rejects.toMatchObject({ code: "HASH_MISMATCH", facts: { found: "missing" } });
  command("mvn", "echo '[ERROR] no route to host'; exit 1");
  await expect(ensureKafka({ log })).rejects.toMatchObject({
    code: "DOWNLOAD_FAILED",
    message: expect.stringContaining("no route to host"),
  });
  expect(existsSync(kafkaCachePath())).toBe(false);
  rmSync(join(directory, "cache"), { recursive: true });
  const jars = mkdtempSync(join(directory, "jars-"));
  writeFileSync(join(jars, "a.jar"), "a");
  const pinned = { "a.jar": createHash("sha256").update("a").digest("hex") };
  await checkJars(jars, pinned);
  await expect(checkJars(jars, { "a.jar": "0" })).rejects.toMatchObject({ facts: { project: "a.jar", expected: "0" } });
  writeFileSync(join(jars, "b.jar"), "b");
  await expect(checkJars(jars, pinned)).rejects.toMatchObject({ facts: { project: "b.jar", expected: "not pinned" } });
});
