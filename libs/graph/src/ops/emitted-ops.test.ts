import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { AnnealError } from "@anneal/contracts";
import { loadTensorflow } from "@anneal/runtime";
import { describe, expect, test } from "vitest";
import { makeNode, placeholder } from "../build.ts";
import { opTable } from "./index.ts";
import { dataDependentOps, unsupportedOps } from "./unsupported.ts";

const runtimePath = fileURLToPath(import.meta.resolve("@anneal/runtime"));
const distPath = dirname(createRequire(runtimePath).resolve("@tensorflow/tfjs-node-gpu"));
const kernelFiles = readdirSync(join(distPath, "kernels"))
  .filter((file) => file.endsWith(".js") && !file.endsWith("_test.js"))
  .map((file) => join(distPath, "kernels", file));

/**
 * Every op that a file calls: the first argument of the backend's `execute…` methods, which is a literal or one of tfjs-core's
 * constants. Anything else is returned as it stands.
 */
function emittedOps(file: string, constants: Readonly<Record<string, unknown>>): readonly string[] {
  const calls = readFileSync(file, "utf8").matchAll(
    /\.(?:executeSingleOutput|executeMultipleOutputs|executeSingleInput|executeEncodeImageOp|executeOp)\(\s*([^,)]+)/g,
  );
  return Array.from(calls, ([, argument]) => {
    const literal = argument!.match(/^'(\w+)'$/)?.[1];
    const name = argument!.match(/^tfjs(?:_core)?_1\.(\w+)$/)?.[1];
    return literal ?? (name === undefined ? argument! : String(constants[name]));
  });
}

const isKnown = (op: string) => op in opTable || op in dataDependentOps || op in unsupportedOps;

test("every op that tfjs-node calls has a row, or a reason for having none", () => {
  const { tf } = loadTensorflow({ numIntraOpThreads: 2, numInterOpThreads: 2 });
  const constants = tf as unknown as Readonly<Record<string, unknown>>;
  const inKernels = kernelFiles.flatMap((file) => emittedOps(file, constants));
  // The methods themselves hand on a `name`.
  const inBackend = emittedOps(join(distPath, "nodejs_kernel_backend.js"), constants).filter((op) => op !== "name");
  const emitted = new Set([...inKernels, ...inBackend]);
  expect([...emitted].filter((op) => !isKnown(op))).toEqual([]);
  // The scan does find them, and every kernel has a file.
  expect(emitted.size).toBeGreaterThan(150);
  expect(kernelFiles.length).toBeGreaterThanOrEqual(tf.getKernelsForBackend("tensorflow").length);
  // Reasons are given for ops that there are.
  const reasons = [...Object.keys(dataDependentOps), ...Object.keys(unsupportedOps)];
  expect(reasons.filter((op) => !emitted.has(op))).toEqual([]);
});

test("every op that the seeded source of random numbers calls has a row", () => {
  const source = readFileSync(join(dirname(runtimePath), "seededRandom.ts"), "utf8");
  const emitted = Array.from(source.matchAll(/"(Stateless\w+)"/g), ([, op]) => op!);
  expect(emitted).toContain("StatelessRandomUniform");
  expect(emitted.filter((op) => !(op in opTable))).toEqual([]);
});

describe("an op without a row", () => {
  const x = placeholder("x", { dtype: "bool", shape: [3] });
  const errorOf = (op: string): AnnealError => {
    try {
      makeNode(op, [x], {}, { scope: "mask" });
    } catch (error) {
      if (error instanceof AnnealError) return error;
      throw error;
    }
    throw new Error(`${op} was accepted`);
  };

  test.each([
    ["Where", "Where(bool[3]) in mask returns as many places as are true, which depends on data"],
    ["FFT", "FFT(bool[3]) in mask works on complex numbers, which a graph does not hold"],
    ["NoSuchOp", "NoSuchOp(bool[3]) in mask has no row in the op table"],
  ])("%s: the error says why", (op, reason) => {
    const error = errorOf(op);
    expect(error.code).toBe("TRACE_UNSUPPORTED");
    expect(error.message).toContain(reason);
  });

  test("no op has both a row and a reason for having none", () => {
    expect(Object.keys({ ...dataDependentOps, ...unsupportedOps }).filter((op) => op in opTable)).toEqual([]);
  });
});
