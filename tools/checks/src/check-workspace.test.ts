import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import type { Violation } from "./workspace.ts";

const fixtures = join(import.meta.dirname, "../fixtures");
const main = join(import.meta.dirname, "main.ts");
const copies: string[] = [];

afterEach(() => {
  for (const copy of copies.splice(0)) rmSync(copy, { recursive: true });
});

/** Runs the checks in a copy of the fixture: Nx takes the workspace around its current directory. */
async function check(fixture: string): Promise<{ exitCode: number; violations: Violation[] }> {
  const copy = mkdtempSync(join(tmpdir(), "anneal-checks-"));
  copies.push(copy);
  cpSync(join(fixtures, fixture), copy, { recursive: true });
  // What Nx sets for the tests that it runs itself would send the inner Nx back to this repository.
  const outerNx = Object.keys(process.env).filter((name) => name.startsWith("NX_"));
  const env = { ...process.env, ...Object.fromEntries(outerNx.map((name) => [name, undefined])) };
  const run = promisify(execFile)(process.execPath, [main, "boundaries", "--json"], { cwd: copy, env });
  const result = await run.catch((error: { code: number; stdout: string }) => ({ ...error, stdout: error.stdout }));
  return {
    exitCode: "code" in result ? result.code : 0,
    violations: JSON.parse(result.stdout) as Violation[],
  };
}

describe("the rules over a real Nx workspace", () => {
  test("a workspace that keeps them passes", async () => {
    expect(await check("sound")).toEqual({ exitCode: 0, violations: [] });
  });

  test("each rule fires where it is broken, and nowhere else", async () => {
    const { exitCode, violations } = await check("broken");
    expect(exitCode).toBe(1);
    expect(violations.map(({ rule, file }) => `${rule} ${file}`).sort()).toEqual([
      "base-package libs/contracts/package.json",
      "catalog libs/node/package.json",
      "catalog libs/node/package.json",
      "cycle libs/contracts/package.json",
      "deep-import libs/greedy/src/index.ts:4",
      "deep-import libs/greedy/src/index.ts:5",
      "deep-import libs/greedy/src/index.ts:7",
      "deep-import libs/greedy/src/index.ts:8",
      "external-outside-node libs/pure/src/index.ts:5",
      "node-builtin apps/dashboard/src/index.ts:2",
      "node-builtin libs/pure/src/index.ts:2",
      "node-builtin libs/pure/src/index.ts:3",
      "readme README.md",
      "readme README.md",
      "runtime-direction apps/dashboard/package.json",
      "runtime-direction libs/pure/package.json",
      "runtime-direction libs/workflows/package.json",
      "tags libs/untagged/package.json",
      "tags libs/untagged/package.json",
      "type-direction apps/cli/package.json",
      "type-direction libs/greedy/package.json",
      "type-direction libs/greedy/package.json",
      "undeclared apps/cli/src/index.ts:2",
      "undeclared libs/node/src/index.ts:2",
      "undeclared libs/node/src/index.ts:3",
    ]);
  });
});
