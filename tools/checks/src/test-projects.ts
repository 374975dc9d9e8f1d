import { globSync } from "node:fs";
import { join } from "node:path";

/** How quickly a test is expected to answer: the default suite, or the one that has its own command. */
export type Suite = "test" | "test-slow";

/** Whether the package at `packageRoot` has test files of `suite`. */
export function hasTests(packageRoot: string, suite: Suite): boolean {
  const files = globSync("{src,tests}/**/*.test.ts", { cwd: packageRoot });
  return files.some((file) => file.endsWith(".slow.test.ts") === (suite === "test-slow"));
}

/** Roots, relative to the workspace, of the packages that have test files of `suite`. */
export function testedPackages(workspaceRoot: string, suite: Suite): string[] {
  return globSync("{apps,libs,tools,tests}/*/package.json", { cwd: workspaceRoot })
    .map((file) => file.slice(0, -"/package.json".length))
    .filter((root) => hasTests(join(workspaceRoot, root), suite))
    .sort();
}

/** Where the JSON report of a package's suite lies, relative to the workspace: `libs/data` -> `test-results/libs-data.test.json`. */
export function reportPath(packageRoot: string, suite: Suite): string {
  return `test-results/${packageRoot.replaceAll("/", "-")}.${suite}.json`;
}
