import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { reportPath, type Suite, testedPackages } from "./test-projects.ts";

export interface Tally {
  readonly numPassed: number;
  readonly numFailed: number;
  /** One line for each thing that counts as failed. */
  readonly failures: readonly string[];
}

/** The part of Vitest's JSON report that is read here. */
interface VitestReport {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/**
 * Counts the tests that `reportText` (Vitest's JSON) tells of, `undefined` where the runner wrote no report.
 *
 * Whatever keeps a test from passing is a failure: a runner that died before its report, a file that could not be
 * loaded, an error outside any test, a skipped test, a report without tests.
 */
export function tallyReport(packageRoot: string, reportText: string | undefined): Tally {
  const report = reportText === undefined ? undefined : parseReport(reportText);
  if (report === undefined) return failed(`${packageRoot}: the test runner left no readable report`);
  const failures: string[] = [];
  let numPassed = 0;
  for (const file of report.testResults) {
    for (const test of file.assertionResults) {
      if (test.status === "passed") numPassed += 1;
      else failures.push(`${file.name}: ${test.fullName} (${test.status})`);
    }
    const loaded = file.assertionResults.length > 0;
    if (!loaded) failures.push(`${file.name}: no test ran ${file.message ?? ""}`.trimEnd());
  }
  if (numPassed === 0 && failures.length === 0) failures.push(`${packageRoot}: no test ran`);
  if (!report.success && failures.length === 0) failures.push(`${packageRoot}: an error outside of the tests`);
  return { numPassed, numFailed: failures.length, failures };
}

/** Sums the reports of every package that has tests of `suite`; a package without a report counts as failed. */
export function tallyWorkspace(workspaceRoot: string, suite: Suite): Tally {
  const packages = testedPackages(workspaceRoot, suite);
  if (packages.length === 0) return failed("no package has tests");
  const tallies = packages.map((root) => {
    const path = join(workspaceRoot, reportPath(root, suite));
    return tallyReport(root, existsSync(path) ? readFileSync(path, "utf8") : undefined);
  });
  return {
    numPassed: tallies.reduce((sum, tally) => sum + tally.numPassed, 0),
    numFailed: tallies.reduce((sum, tally) => sum + tally.numFailed, 0),
    failures: tallies.flatMap((tally) => tally.failures),
  };
}

function parseReport(text: string): VitestReport | undefined {
  try {
    const report = JSON.parse(text) as VitestReport | null;
    return Array.isArray(report?.testResults) ? (report as VitestReport) : undefined;
  } catch {
    return undefined; // cut off while it was written
  }
}

function failed(failure: string): Tally {
  return { numPassed: 0, numFailed: 1, failures: [failure] };
}
