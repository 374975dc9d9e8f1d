import { readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runSpecSchema } from "@anneal/contracts";
import { tempAnnealHome } from "@anneal/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { parseFaults } from "./faults.ts";
import { annealHome, runPaths } from "./paths.ts";
import { listRunRecords, type RunRecord, readRunRecord, writeRunRecord } from "./run-record.ts";

afterEach(() => vi.unstubAllEnvs());

function makeRecord(runId: string, createdAt: string): RunRecord {
  const spec = runSpecSchema.parse({ recipe: { name: "mnist", path: "/recipes/mnist.ts" } });
  return { runId, spec, plan: null, createdAt };
}

describe("run record", () => {
  it("is found again, replaced, and listed newest first", async () => {
    using home = tempAnnealHome();
    const older = makeRecord("a", "2026-01-01T00:00:00.000Z");
    const newer = makeRecord("b:2", "2026-01-02T00:00:00.000Z");
    await writeRunRecord(home.path, older);
    await writeRunRecord(home.path, newer);
    expect(await readRunRecord(home.path, "b:2")).toEqual(newer);
    expect(await listRunRecords(home.path)).toEqual([newer, older]);
    const replaced = { ...older, spec: { ...older.spec, seed: 7 } };
    await writeRunRecord(home.path, replaced);
    expect(await readRunRecord(home.path, "a")).toEqual(replaced);
    expect(readdirSync(dirname(runPaths(home.path, "a").record))).toEqual(["run.json"]);
  });

  it("is RUN_NOT_FOUND when missing, damaged, or of an id that leads elsewhere", async () => {
    using home = tempAnnealHome();
    expect(await listRunRecords(home.path)).toEqual([]);
    const notFound = { code: "RUN_NOT_FOUND" };
    await expect(readRunRecord(home.path, "a")).rejects.toMatchObject(notFound);
    await expect(readRunRecord(home.path, "../a")).rejects.toMatchObject(notFound);
    await writeRunRecord(home.path, makeRecord("a", "2026-01-01T00:00:00.000Z"));
    for (const text of ["", "null", "{}", '{"runId":"b"}']) {
      writeFileSync(runPaths(home.path, "a").record, text);
      await expect(readRunRecord(home.path, "a")).rejects.toMatchObject(notFound);
    }
    expect(await listRunRecords(home.path)).toEqual([]);
  });
});

describe("paths", () => {
  it("are below ANNEAL_HOME, or the repository's .anneal", () => {
    vi.stubEnv("ANNEAL_HOME", "/somewhere/else");
    expect(annealHome()).toBe("/somewhere/else");
    vi.stubEnv("ANNEAL_HOME", "");
    expect(annealHome()).toBe(join(import.meta.dirname, "..", "..", "..", ".anneal"));
    expect(runPaths("/home", "a-run").checkpoints).toBe("/home/runs/a-run/checkpoints");
  });
});

describe("ANNEAL_FAULT", () => {
  it("names points, hits and kinds", () => {
    expect(parseFaults("")).toEqual([]);
    expect(parseFaults("commit-renamed:kill, retain-moved@3:ENOSPC")).toEqual([
      { name: "commit-renamed", hit: 1, kind: "kill" },
      { name: "retain-moved", hit: 3, kind: "ENOSPC" },
    ]);
  });

  it.each(["commit-renamed", "commit-renamed:explode", "commit-renamed@0:kill", ":kill"])("refuses %s", (text) => {
    expect(() => parseFaults(text)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});
