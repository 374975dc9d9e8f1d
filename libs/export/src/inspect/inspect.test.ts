import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnnealError } from "@anneal/contracts";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { measureRanges } from "../model/measure-ranges.ts";
import { emitOnnx } from "../onnx/emit-graph.ts";
import { onnxExporter } from "../onnx/onnx-exporter.ts";
import { heldOutOfLarge, largeModel } from "../test-support/large-model.ts";
import { onnxBytes } from "../test-support/run-onnx.ts";
import { smallModel, testBackend } from "../test-support/small-model.ts";
import { inspectFile } from "./inspect-file.ts";
import { describe as describeFile, inspectOnnx } from "./inspect-onnx.ts";
import { peakMemory } from "./memory.ts";
import { readOnnx } from "./read-onnx.ts";

const folder = mkdtempSync(join(tmpdir(), "anneal-inspect-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bytes = onnxBytes(emitOnnx(smallModel()).graph);

test("the small model, by hand", async () => {
  const path = join(folder, "small.onnx");
  writeFileSync(path, bytes);
  const { ops, running, ...found } = await inspectFile(path);
  expect(found).toMatchObject({
    numBytes: bytes.length,
    producer: "anneal, opset 26",
    inputs: [{ name: "inputs", dtype: "float32", dims: ["batch", 6, 6, 2] }],
    outputs: [{ name: "outputs", dtype: "float32", dims: ["batch", 3] }],
    weights: { float32: { numValues: 72 + 144 + 12, numBytes: 4 * 228 } },
    notRun: null,
    warnings: [],
  });
  // Each place of 6 x 6, for each of 4 outputs: 3 x 3 x 2 products, then 3 x 3 x 4.
  const convolutions = 2 * 36 * 4 * (18 + 36);
  expect(ops[0]).toEqual({ op: "Conv", count: 2, numOperations: convolutions });
  expect(ops).toContainEqual({ op: "MatMul", count: 1, numOperations: 2 * 4 * 3 });
  expect(ops).toContainEqual({ op: "Add", count: 1, numOperations: 144 });
  expect(running!.numOperations).toBe(ops.reduce((sum, { numOperations }) => sum + numOperations!, 0));
  // The stem, which the shortcut takes as well, while the body's convolution is activated.
  expect(running!.peakActivationBytes).toBe(3 * 144 * 4);
});

test("whole numbers are told apart, and what a microcontroller lacks is said", async () => {
  const model = largeModel();
  const heldOut = heldOutOfLarge(model);
  const rangeOf = measureRanges(model, { method: "minmax", samples: heldOut, backend: testBackend() });
  const inspect = (precision: "int8" | "int8-weights") => {
    const chunks: Uint8Array[] = [];
    const { write } = onnxExporter.prepare({
      model,
      precision,
      metadata: { description: "", properties: {} },
      rangeOf,
    });
    write((part) => void chunks.push(part.slice()));
    return inspectOnnx("model.onnx", Buffer.concat(chunks));
  };
  const whole = await inspect("int8");
  expect(whole.weights.uint8!.numValues).toBeGreaterThan(140_000);
  expect(whole.running!.activations.uint8).toBeGreaterThan(5000);
  expect(whole.warnings).toEqual([]);
  expect((await inspect("int8-weights")).warnings).toEqual([
    "TensorFlow Lite Micro has no op for DynamicQuantizeLinear, MatMulInteger",
  ]);
});

describe("files that are not sound", () => {
  /** What inspecting says, without running; a code, or nothing. */
  function codeOf(damaged: Uint8Array): string | null {
    try {
      JSON.stringify(describeFile("x", damaged.length, readOnnx(damaged, "x")));
      return null;
    } catch (error) {
      if (error instanceof AnnealError) return error.code;
      throw error;
    }
  }

  test("one that was cut short has a code, wherever that was", () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (length) => {
        expect(codeOf(bytes.subarray(0, length))).toBe("MODEL_FILE_INVALID");
      }),
      { numRuns: 300 },
    );
  });

  const damages = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 });
  const damage = (places: readonly (readonly [number, number])[]) => {
    const damaged = Uint8Array.from(bytes);
    for (const [at, value] of places) damaged[at] = value;
    return damaged;
  };

  test("damaged or made up, they have a code or are read", () => {
    fc.assert(
      fc.property(damages, (places) => {
        expect([null, "MODEL_FILE_INVALID"]).toContain(codeOf(damage(places)));
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
        expect(codeOf(any)).toBe("MODEL_FILE_INVALID");
      }),
      { numRuns: 500 },
    );
  });

  test("those that can be read are run where that harms nobody", async () => {
    const some = fc.sample(damages, { numRuns: 3000, seed: 1 }).map(damage);
    const readable = some.filter((damaged) => codeOf(damaged) === null);
    expect(readable.length).toBeGreaterThan(10);
    for (const damaged of readable.slice(0, 6)) {
      const { running, notRun } = await inspectOnnx("x", damaged);
      expect([running, notRun].filter((each) => each !== null)).toHaveLength(1);
    }
  });

  test.each([
    ["a folder", folder],
    ["nothing", join(folder, "absent.onnx")],
  ])("%s is no model", async (_name, path) => {
    await expect(inspectFile(path)).rejects.toMatchObject({ code: "MODEL_FILE_INVALID" });
  });
});

test("what is in memory is what was made and is still to be taken", () => {
  const bytesOf = (name: string) => ({ a: 1, b: 10, c: 100, d: 1000 })[name] ?? 0;
  const steps = [
    { label: "first", inputs: ["a", "weight"], outputs: ["b"] },
    { label: "second", inputs: ["b"], outputs: ["c"] },
    { label: "third", inputs: ["b", "c"], outputs: ["d"] },
  ];
  expect(peakMemory(steps, { bytesOf, given: ["a"], kept: ["d"] })).toEqual({ bytes: 1110, at: "third" });
  expect(peakMemory(steps.slice(0, 2), { bytesOf, given: ["a"], kept: ["a"] })).toEqual({ bytes: 111, at: "second" });
});
