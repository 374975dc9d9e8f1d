import type { ComputePrecision } from "@anneal/contracts";
import { layers, sequential } from "@tensorflow/tfjs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { sgd } from "../optimizers/specs.ts";
import { wholeModels } from "../test-support/models.ts";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyBatch, tinyOptions, tinyRecipe } from "../test-support/tiny.ts";
import { batchFor, type WholeModel } from "../test-support/whole-model.ts";
import { createEngine } from "./create-engine.ts";
import type { EngineOptions, StepScalars } from "./step-engine.ts";

// Models are small: casts would cost more than they gain. Here they are free, and all that may be in 16 bits is.
vi.mock("./kernel-costs.ts", () => ({
  kernelCostsFor: () => ({ kernel: () => ({ float32: 1, half: 0 }), cast: () => 0 }),
}));

const tf = testTensorflow();
const engine = createEngine.compiled(tf);
afterEach(() => engine.dispose());

const batchSize = 6;
const numSteps = 4;

function lossesOf(whole: WholeModel, precision: ComputePrecision): readonly number[] {
  const { inputs, labels, numClasses, loss, model } = whole;
  const recipe = tinyRecipe({ model, loss, metrics: {} });
  const optimizer = sgd({ learningRate: 0.05 });
  engine.prepare(tinyOptions({ recipe, inputs, labels, numClasses, optimizer, batchSize, precision }));
  return Array.from({ length: numSteps }, (_, step) => {
    const batch = batchFor(whole, step % 2, batchSize);
    return engine.trainBatch(batch, { step, learningRate: 0.05 }).sums.loss! / batchSize;
  });
}

describe("whole models in bfloat16 learn as in float32", () => {
  /** Of the mean loss: each step rounds by a part in 512, and what rounding does to a weight is carried on. */
  const bound = 0.02;
  let numPainted = 0;

  test.each(Object.entries(wholeModels))("%s", (_name, whole) => {
    const float32 = lossesOf(whole, "float32");
    const half = lossesOf(whole, "bfloat16");
    const mean = float32.reduce((sum, loss) => sum + Math.abs(loss), 0) / numSteps;
    const difference = Math.max(...half.map((loss, step) => Math.abs(loss - float32[step]!))) / mean;
    expect(difference).toBeLessThan(bound);
    if (difference > 0) numPainted++;
  });

  test("many of them are computed in it", () => {
    expect(numPainted).toBeGreaterThan(20);
  });
});

const wide = tinyRecipe({
  model: ({ inputShape, numClasses }) =>
    sequential({
      layers: [
        layers.flatten({ inputShape }),
        layers.dense({ units: 16, activation: "relu", name: "first" }),
        layers.batchNormalization(),
        layers.dropout({ rate: 0.3 }),
        layers.dense({ units: 16, activation: "tanh", name: "second" }),
        layers.dense({ units: numClasses, name: "logits" }),
      ],
    }),
});

function train(options: Partial<EngineOptions>, scalars: Partial<StepScalars> = {}, steps = 5) {
  engine.prepare(tinyOptions({ recipe: wide, batchSize: 8, ...options }));
  for (let step = 0; step < steps; step++) {
    engine.trainBatch(tinyBatch(step), { step, learningRate: 0.001, ...scalars });
  }
  return engine.readState();
}

test.each(["bfloat16", "float16"] as const)(
  "a training in %s has the same bits each time, resumed or not",
  (precision) => {
    const scalars = precision === "float16" ? { lossScale: 1024 } : {};
    const undisturbed = train({ precision }, scalars);
    expect(train({ precision }, scalars)).toEqual(undisturbed);
    const half = train({ precision }, scalars, 3);
    engine.dispose();
    engine.prepare(tinyOptions({ recipe: wide, batchSize: 8, precision }));
    engine.loadState(half);
    for (const step of [3, 4]) engine.trainBatch(tinyBatch(step), { step, learningRate: 0.001, ...scalars });
    expect(engine.readState()).toEqual(undisturbed);
    expect(train({ precision: "float32" })).not.toEqual(undisturbed);
  },
);

test("weights, optimizer and predictions are float32", () => {
  const { model, optimizer } = train({ precision: "bfloat16" });
  for (const { dtype } of [...model, ...optimizer]) expect(dtype).toBe("F32");
  expect(engine.predictBatch(tinyBatch(0, 4).inputs, 4)).toBeInstanceOf(Float32Array);
});

test("a layer that is excepted is computed in float32, as all layers are that way", () => {
  const float32 = train({ precision: "float32" });
  const all = { first: "float32", second: "float32", logits: "float32" } as const;
  expect(train({ precision: "bfloat16", layerPrecision: all })).toEqual(float32);
  const one = train({ precision: "bfloat16", layerPrecision: { first: "float32" } });
  expect(one).not.toEqual(float32);
  expect(one).not.toEqual(train({ precision: "bfloat16" }));
  expect(train({ layerPrecision: { second: "bfloat16" } })).not.toEqual(float32);
});
