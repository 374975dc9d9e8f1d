import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tallyReport, tallyWorkspace } from "./tally.ts";

const file = (status: string, ...tests: string[]) => ({
  name: "src/a.test.ts",
  status,
  message: status === "failed" ? "SyntaxError" : "",
  assertionResults: tests.map((outcome, index) => ({ fullName: `test ${index}`, status: outcome })),
});
const report = (success: boolean, ...testResults: unknown[]) => JSON.stringify({ success, testResults });

describe("one report", () => {
  test("counts what passed", () => {
    const tally = tallyReport("libs/data", report(true, file("passed", "passed", "passed"), file("passed", "passed")));
    expect(tally).toEqual({ numPassed: 3, numFailed: 0, failures: [] });
  });

  test.each([
    ["a failed test", report(false, file("failed", "passed", "failed")), 1, 1],
    ["a skipped test", report(true, file("passed", "passed", "pending", "todo")), 1, 2],
    ["a file that could not be loaded", report(false, file("passed", "passed"), file("failed")), 1, 1],
    ["an error outside of the tests", report(false, file("passed", "passed")), 1, 1],
    ["no test at all", report(true), 0, 1],
    ["a report that was cut off", report(true, file("passed", "passed")).slice(0, -5), 0, 1],
    ["something else than a report", "null", 0, 1],
    ["no report", undefined, 0, 1],
  ])("%s counts as failed", (_what, text, numPassed, numFailed) => {
    expect(tallyReport("libs/data", text)).toMatchObject({ numPassed, numFailed });
  });
});

describe("the workspace", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "anneal-tally-"));
    mkdirSync(join(root, "test-results"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const addPackage = (path: string, testFile: string) => {
    mkdirSync(join(root, path, "src"), { recursive: true });
    writeFileSync(join(root, path, "package.json"), "{}");
    writeFileSync(join(root, path, "src", testFile), "");
  };

  test("without a test has failed", () => {
    addPackage("libs/a", "index.ts");
    expect(tallyWorkspace(root, "test")).toEqual({ numPassed: 0, numFailed: 1, failures: ["no package has tests"] });
  });

  test("sums its packages, and misses the one whose runner died", () => {
    addPackage("libs/a", "index.test.ts");
    addPackage("apps/b", "index.test.ts");
    addPackage("tools/c", "index.slow.test.ts");
    writeFileSync(join(root, "test-results/libs-a.test.json"), report(true, file("passed", "passed", "passed")));
    expect(tallyWorkspace(root, "test")).toMatchObject({ numPassed: 2, numFailed: 1 });
    writeFileSync(join(root, "test-results/apps-b.test.json"), report(true, file("passed", "passed")));
    expect(tallyWorkspace(root, "test")).toMatchObject({ numPassed: 3, numFailed: 0 });
    expect(tallyWorkspace(root, "test-slow")).toMatchObject({ numPassed: 0, numFailed: 1 });
  });
});
