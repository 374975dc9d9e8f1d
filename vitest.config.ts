import { join } from "node:path";
import { defineConfig } from "vitest/config";

// A process that loads TensorFlow.js compiles for a second or more, and tests start hundreds: they share what one has compiled.
process.env.NODE_COMPILE_CACHE ||= join(import.meta.dirname, "node_modules/.cache/compile-cache");

const isSlowRun = process.env.ANNEAL_TESTS === "slow";

/**
 * One configuration for every package; Nx starts Vitest once per package (`tools/checks/src/nx-test-targets.ts`).
 *
 * Each test file gets a process of its own, but where its package says that they need none: libtensorflow cannot be unloaded, and a
 * test that kills processes must not share one with another test. Nx runs two packages at once, so a package runs one file at a time.
 */
export default defineConfig({
  test: {
    include: [`{apps,libs,tools,tests}/*/{src,tests}/**/*.${isSlowRun ? "slow.test" : "test"}.ts`],
    exclude: ["**/node_modules/**", ...(isSlowRun ? [] : ["**/*.slow.test.ts"])],
    pool: "forks",
    isolate: true,
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // A test that leaves its processes or its listeners behind shows as a hang, which is cut off here.
    teardownTimeout: 10_000,
    allowOnly: false,
    restoreMocks: true,
    unstubEnvs: true,
  },
});
