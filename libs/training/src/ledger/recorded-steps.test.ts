import { stateDigestOf } from "@anneal/checkpoint";
import { engines, type LedgerTensors } from "@anneal/contracts";
import { layers, sequential } from "@tensorflow/tfjs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createEngine } from "../engine/create-engine.ts";
import type { Batch, EngineOptions, StepEngine } from "../engine/step-engine.ts";
import { initialLoopState } from "../loop/bookkeeping.ts";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyBatch, tinyOptions, tinyRecipe } from "../test-support/tiny.ts";
import type { StepRecording } from "./recording.ts";

// As on a processor whose products of bfloat16 are fast, whatever this one's are.
vi.mock("../engine/kernel-costs.ts", async () => {
  const { cpuCosts } = await import("@anneal/compiler");
  return { kernelCostsFor: () => cpuCosts.fast };
});

const tf = testTensorflow();
const engine = createEngine.compiled(tf);
afterEach(() => engine.dispose());

function digest({ model, optimizer, optimizerScalars }: ReturnType<StepEngine["readState"]>): string {
  return stateDigestOf({ model, optimizer, state: initialLoopState(optimizerScalars) });
}

const width = 512;
const batchSize = 256;

/** Products large enough that a shorter number format pays, dropout, and a layer that is excepted now and then. */
function wideOptions(changes: Partial<EngineOptions> = {}): EngineOptions {
  const model = () =>
    sequential({
      layers: [
        layers.dense({ inputShape: [width], units: width, activation: "relu", name: "first" }),
        layers.dropout({ rate: 0.3 }),
        layers.dense({ units: width, activation: "relu", name: "second" }),
        layers.dense({ units: 3, name: "logits" }),
      ],
    });
  return tinyOptions({
    recipe: tinyRecipe({ model }),
    inputs: { shape: [width], dtype: "float32" },
    batchSize,
    ...changes,
  });
}

function wideBatch(numSamples = batchSize): Batch {
  const inputs = Float32Array.from({ length: numSamples * width }, (_, index) => Math.sin(index * 0.7));
  return { numSamples, inputs, labels: Int32Array.from({ length: numSamples }, (_, index) => index % 3) };
}

const scalars = { step: 0, learningRate: 0.01 };

function record(options: EngineOptions): StepRecording {
  engine.prepare(options);
  engine.trainBatch(wideBatch(), scalars);
  return engine.recordBatches([wideBatch()], [{ ...scalars, step: 1 }]).recording!;
}

function bytesOf({ tensors }: StepRecording, wanted: LedgerTensors["class"]): Readonly<Record<string, number>> {
  const own = tensors.filter((entry) => entry.class === wanted);
  return Object.fromEntries(own.map(({ dtype, numBytes }) => [dtype, numBytes]));
}

describe.each(engines)("the %s engine", (name) => {
  test("makes the same steps, to the bit, whether they are recorded or not", () => {
    const own = createEngine[name](tf);
    try {
      const run = (isRecorded: boolean) => {
        own.prepare(tinyOptions());
        const sums = [0, 1, 2].map((step) =>
          isRecorded && step === 1
            ? own.recordBatches([tinyBatch(step)], [{ step, learningRate: 0.01 }]).sums[0]
            : own.trainBatch(tinyBatch(step), { step, learningRate: 0.01 }),
        );
        return { sums, digest: digest(own.readState()) };
      };
      expect(run(true)).toEqual(run(false));
    } finally {
      own.dispose();
    }
  });
});

// All weights of the model: both wide layers, and the last.
const numWideWeights = width * width + width;
const numWeights = 2 * numWideWeights + width * 3 + 3;

test("in a float32 step, weights are the variables, and everything is float32", () => {
  const recording = record(wideOptions());
  expect(recording.products).toEqual({ ranIn: "float32", share: 1, exceptedShare: 0 });
  expect(Object.keys(recording.timeShares)).toEqual(["float32"]);
  expect(bytesOf(recording, "weights")).toEqual({ float32: 4 * numWeights });
  expect(bytesOf(recording, "masterWeights")).toEqual({});
  expect(bytesOf(recording, "optimizerState")).toEqual({ float32: 8 * numWeights });
  expect(recording.variableBytes).toBe(12 * numWeights);
  // What is kept for the gradients, at the least: what both wide layers hand on.
  expect(bytesOf(recording, "activations").float32).toBeGreaterThanOrEqual(2 * 4 * batchSize * width);
  // All of the weights' gradients are alive at the end: nothing is updated until it is known that all are finite.
  expect(bytesOf(recording, "gradients").float32).toBeGreaterThanOrEqual(4 * width * width);
});

test("in a bfloat16 step, the variables are masters of copies that products are computed with", () => {
  const recording = record(wideOptions({ precision: "bfloat16" }));
  expect(recording.precision).toBe("bfloat16");
  expect(recording.products.ranIn).toBe("bfloat16");
  expect(recording.timeShares.bfloat16).toBeGreaterThan(0);
  const { bfloat16, ...others } = bytesOf(recording, "weights");
  expect(bfloat16).toBeGreaterThan(0);
  const masters = bytesOf(recording, "masterWeights");
  expect(masters.float32! + (others.float32 ?? 0)).toBe(4 * numWeights);
  expect(masters.float32).toBeGreaterThanOrEqual(2 * 4 * width * width);
  expect(recording.variableBytes).toBe(12 * numWeights);
});

test("a step that computes its products in float32 is called float32, whatever was asked for; exceptions are no argument", () => {
  const layerPrecision = { first: "float32", second: "float32" } as const;
  // Three outputs: not worth a cast.
  const recording = record(wideOptions({ precision: "bfloat16", layerPrecision }));
  expect(recording.products).toMatchObject({ ranIn: "float32", share: 0 });
  const { products } = record(wideOptions({ precision: "bfloat16", layerPrecision: { logits: "float32" } }));
  expect(products).toMatchObject({ ranIn: "bfloat16", share: 1 });
  const kept = record(wideOptions({ precision: "bfloat16", layerPrecision: { "*": "float32" } }));
  expect(kept.products).toEqual({ ranIn: "float32", share: 0, exceptedShare: 1 });
  // A run by the name of float32 does not hide the layers that its recipe has in bfloat16.
  const named = record(wideOptions({ layerPrecision: { second: "bfloat16" } }));
  expect(named.products).toMatchObject({ ranIn: "float32", share: 1 });
  expect(named.products.exceptedShare).toBeGreaterThan(0.1);
});

test("an excepted layer that is computed again is an exception still", () => {
  const layerPrecision = { first: "float32", logits: "float32" } as const;
  const options = { precision: "bfloat16", layerPrecision, recomputeSegments: 4 } as const;
  const { products, kernels } = record(wideOptions(options));
  expect(kernels.length).toBeGreaterThan(0);
  expect(products).toMatchObject({ ranIn: "bfloat16", share: 1 });
});

test("the loss in float32 is the one that a float32 step reports, and changes nothing", () => {
  engine.prepare(wideOptions());
  expect(engine.float32Loss(wideBatch(), 0)).toBeNull();
  const float32 = engine.trainBatch(wideBatch(), scalars).sums.loss! / batchSize;
  engine.prepare(wideOptions({ precision: "bfloat16" }));
  const before = digest(engine.readState());
  const shadow = engine.float32Loss(wideBatch(), 0)!;
  expect(digest(engine.readState())).toBe(before);
  expect(engine.float32Loss(wideBatch(8), 0)).toBeNull();
  const bfloat16 = engine.trainBatch(wideBatch(), scalars).sums.loss! / batchSize;
  expect(Math.abs(shadow / float32 - 1)).toBeLessThan(1e-6);
  expect(bfloat16).not.toBe(float32);
  expect(Math.abs(bfloat16 / shadow - 1)).toBeLessThan(0.02);
});

test("a batch that is taken in parts: sums of gradients live from part to part, and its loss in float32 is that of the same parts", () => {
  const whole = record(wideOptions());
  const recording = record(wideOptions({ microBatches: 4 }));
  expect(recording.products).toEqual({ ranIn: "float32", share: 1, exceptedShare: 0 });
  expect(recording.variableBytes).toBe(16 * numWeights);
  expect(bytesOf(recording, "activations").float32).toBeLessThan(bytesOf(whole, "activations").float32!);
  engine.prepare(wideOptions({ microBatches: 4 }));
  const float32 = engine.trainBatch(wideBatch(), scalars).sums.loss! / batchSize;
  engine.prepare(wideOptions({ microBatches: 4, precision: "bfloat16" }));
  expect(Math.abs(engine.float32Loss(wideBatch(), 0)! / float32 - 1)).toBeLessThan(1e-6);
});
