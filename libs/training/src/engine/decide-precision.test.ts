import { layers, sequential } from "@tensorflow/tfjs";
import { expect, test, vi } from "vitest";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyBatch, tinyOptions, tinyRecipe } from "../test-support/tiny.ts";
import { createEngine } from "./create-engine.ts";
import { decidePrecision, type PrecisionTrial } from "./decide-precision.ts";
import type { StepEngine } from "./step-engine.ts";

// As on a processor whose products of bfloat16 are fast, whatever this one's are.
vi.mock("./kernel-costs.ts", async () => {
  const { cpuCosts } = await import("@anneal/compiler");
  return { kernelCostsFor: () => cpuCosts.fast };
});

const tf = testTensorflow();

/** Of products that are large enough to gain, with batches that are large enough to pay for the casts of their weights. */
const wide = tinyRecipe({
  model: ({ inputShape, numClasses }) =>
    sequential({
      layers: [
        layers.flatten({ inputShape }),
        layers.dense({ units: 1024, activation: "relu" }),
        layers.dense({ units: 1024, activation: "relu" }),
        layers.dense({ units: numClasses }),
      ],
    }),
});

const batches = [0, 1, 2, 3].map((number) => tinyBatch(number, 128));
const trial = (tried: PrecisionTrial["tried"]): PrecisionTrial => ({
  tried,
  batches,
  learningRate: () => 0.001,
  lossScale: 2 ** 15,
});

/** An engine whose loss of step n is told, for what no real one does on command. */
function scripted(lossOf: (step: number) => number): StepEngine {
  const trainBatch: StepEngine["trainBatch"] = ({ numSamples }, { step }) => {
    const loss = lossOf(step);
    if (!Number.isFinite(loss)) throw new Error("not finite");
    return { numSamples, sums: { loss: loss * numSamples }, isSkipped: false };
  };
  return { trainBatch } as StepEngine;
}

test("formats are compared on the same batches, from the same weights", () => {
  const tried = (["float32", "bfloat16"] as const).map((precision) => {
    const engine = createEngine.compiled(tf);
    engine.prepare(tinyOptions({ recipe: wide, batchSize: 128, precision }));
    return { precision, engine };
  });
  const { precision, candidates, why } = decidePrecision(trial(tried));
  for (const { engine } of tried) engine.dispose();
  expect(candidates.map((each) => each.precision)).toEqual(["float32", "bfloat16"]);
  expect(candidates[0]!.lossDifference).toBe(0);
  expect(candidates[1]!.lossDifference).toBeGreaterThan(0);
  expect(candidates[1]!.lossDifference).toBeLessThan(0.02);
  for (const { milliseconds } of candidates) expect(milliseconds).toBeGreaterThan(0);
  expect(["float32", "bfloat16"]).toContain(precision);
  expect(why).toContain("bfloat16");
});

test.each([
  ["that fails", (step: number) => (step === 2 ? Number.NaN : 1)],
  ["whose loss goes elsewhere", (step: number) => (step === 3 ? 1.1 : 1)],
])("a format %s is not taken, however fast it is", (_name, lossOf) => {
  const slow = scripted(() => {
    const end = performance.now() + 2;
    while (performance.now() < end);
    return 1;
  });
  const decision = decidePrecision(
    trial([
      { precision: "float32", engine: slow },
      { precision: "bfloat16", engine: scripted(lossOf) },
    ]),
  );
  expect(decision.precision).toBe("float32");
  expect(JSON.parse(JSON.stringify(decision))).toEqual(decision);
});

test("what fails in float32 is the recipe's failure", () => {
  const failing = scripted(() => Number.NaN);
  expect(() => decidePrecision(trial([{ precision: "float32", engine: failing }]))).toThrow("not finite");
});
