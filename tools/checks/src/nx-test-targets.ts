/**
 * Nx plugin: gives every package that has test files its `test` and `test-slow` targets.
 *
 * One Vitest per package costs half a second each (measured: 12 packages 8.7 s, one Vitest over all 3.3 s) and buys a
 * cache entry per package: after an edit only the packages that depend on it are tested again.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CreateNodes, TargetConfiguration } from "@nx/devkit";
import { hasTests, reportPath, type Suite } from "./test-projects.ts";

/** A package's tag that says its tests start servers or kill processes by the clock, so nothing may run beside them. */
const aloneTag = "tests:alone";
/** The same of tests that change nothing outside of themselves: the package's test files share a process, and load TensorFlow once. */
const togetherTag = "tests:together";

interface Manifest {
  readonly nx?: { readonly tags?: readonly string[] };
}

function testTarget(root: string, tags: readonly string[], suite: Suite): TargetConfiguration {
  const isApp = tags.includes("type:app");
  const slow = suite === "test-slow";
  const report = reportPath(root, suite);
  return {
    executor: "nx:run-commands",
    options: {
      command: `vitest run ${root}/ ${tags.includes(togetherTag) ? "--no-isolate " : ""}--reporter=default --reporter=json --outputFile.json=${report}`,
      cwd: "{workspaceRoot}",
      // Nx would force colours on the processes that tests start and read.
      env: { FORCE_COLOR: "0", ...(slow ? { ANNEAL_TESTS: "slow" } : {}) },
    },
    dependsOn: [{ projects: ["anneal-workspace"], target: "provision" }],
    // An app's tests start other packages as processes, which no import shows: any change counts. So do the checks.
    inputs: isApp || root === "tools/checks" ? ["workspace"] : ["default", "^default", "toolchain"],
    outputs: [`{workspaceRoot}/${report}`],
    cache: true,
    parallelism: !(slow || isApp || tags.includes(aloneTag)),
  };
}

export const name = "anneal-test-targets";

export const createNodes: CreateNodes = [
  "{apps,libs,tools,tests}/*/package.json",
  (manifests, _options, context) =>
    manifests.map((manifest) => {
      const root = dirname(manifest);
      const absoluteRoot = join(context.workspaceRoot, root);
      const { nx } = JSON.parse(readFileSync(join(context.workspaceRoot, manifest), "utf8")) as Manifest;
      const targets: Record<string, TargetConfiguration> = {};
      for (const suite of ["test", "test-slow"] as const) {
        if (hasTests(absoluteRoot, suite)) targets[suite] = testTarget(root, nx?.tags ?? [], suite);
      }
      return [manifest, { projects: { [root]: { root, targets } } }] as const;
    }),
];
