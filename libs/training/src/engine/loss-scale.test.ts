import { stateDigestOf } from "@anneal/checkpoint";
import { engines } from "@anneal/contracts";
import * as tfjs from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { initialLoopState } from "../loop/bookkeeping.ts";
import { adamW, sgd } from "../optimizers/specs.ts";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyBatch, tinyOptions, tinyRecipe } from "../test-support/tiny.ts";
import { createEngine } from "./create-engine.ts";
import type { EngineOptions } from "./step-engine.ts";

const tf = testTensorflow();
/** A loss whose gradients are infinite at this scale. */
const hugeScale = 2 ** 127;
const steepLoss = (labels: tfjs.Tensor, outputs: tfjs.Tensor) =>
  tf.losses.softmaxCrossEntropy(tf.oneHot(labels.toInt(), 3), outputs).mul(1_000).asScalar();

describe.each(engines)("a scaled loss in the %s engine", (engineName) => {
  const engine = createEngine[engineName](tf);
  afterEach(() => engine.dispose());

  const optimizer = adamW({ learningRate: 0.01, clipNorm: 0.5 });
  const prepare = (changes: Partial<EngineOptions> = {}) =>
    engine.prepare(tinyOptions({ optimizer, scalesLoss: true, ...changes }));
  const digest = () => {
    const { model, optimizer: slots, optimizerScalars } = engine.readState();
    return stateDigestOf({ model, optimizer: slots, state: initialLoopState(optimizerScalars) });
  };
  const train = (from: number, to: number, lossScale: number) =>
    Array.from({ length: to - from }, (_, index) => {
      const step = from + index;
      return engine.trainBatch(tinyBatch(step), { step, learningRate: 0.01, lossScale });
    });

  test.each([1, 3])("of any scale has the bits of one that is not scaled: %d micro-batches", (microBatches) => {
    const courses = [1, 2 ** 10, 2 ** 20].map((lossScale) => {
      prepare({ microBatches });
      return { sums: train(0, 4, lossScale), digest: digest() };
    });
    prepare({ microBatches, scalesLoss: false });
    expect(courses.at(-1)).toEqual({ sums: train(0, 4, 1), digest: digest() });
    expect(courses[1]).toEqual(courses[2]);
    expect(courses[0]).toEqual(courses[2]);
  });

  // Without batch normalisation: the eager engine moves its averages all the same.
  const recipe = tinyRecipe({
    loss: steepLoss,
    model: ({ inputShape, numClasses }) =>
      tfjs.sequential({
        layers: [
          tfjs.layers.flatten({ inputShape }),
          tfjs.layers.dropout({ rate: 0.3 }),
          tfjs.layers.dense({ units: numClasses }),
        ],
      }),
  });

  test.each([1, 3])(
    "under which gradients overflow skips the step, which nobody counts: %d micro-batches",
    (microBatches) => {
      prepare({ recipe, microBatches });
      train(0, 2, 1_024);
      train(3, 5, 1_024);
      const expected = digest();
      prepare({ recipe, microBatches });
      train(0, 2, 1_024);
      const before = digest();
      const { isSkipped, sums, numSamples } = train(2, 3, hugeScale)[0]!;
      expect({ isSkipped, numSamples }).toEqual({ isSkipped: true, numSamples: 8 });
      expect(Number.isFinite(sums.loss)).toBe(true);
      expect(digest()).toBe(before);
      expect(train(3, 5, 1_024).map((trained) => trained.isSkipped)).toEqual([false, false]);
      expect(digest()).toBe(expected);
      expect(engine.readState().optimizerScalars).toEqual({ t: 4 });
    },
  );

  test("ends the training where the least scale is too large as well", () => {
    const infinite = tinyRecipe({
      // The root's slope at zero is infinite.
      loss: (labels: tfjs.Tensor, outputs: tfjs.Tensor) =>
        outputs.sub(outputs).sqrt().mean().add(labels.toFloat().mean()).asScalar(),
    });
    prepare({ recipe: infinite });
    expect(train(0, 1, 2)[0]!.isSkipped).toBe(true);
    expect(() => train(0, 1, 1)).toThrowError(
      expect.objectContaining({ code: "LOSS_NOT_FINITE", message: "a gradient of step 1 is not finite" }),
    );
  });

  test("that is not finite itself ends the training under any scale", () => {
    prepare();
    const batch = tinyBatch(0);
    batch.inputs.fill(Number.NaN);
    expect(() => engine.trainBatch(batch, { step: 0, learningRate: 0.01, lossScale: 1_024 })).toThrowError(
      expect.objectContaining({ code: "LOSS_NOT_FINITE", facts: { step: 1, loss: "NaN" } }),
    );
  });

  test("makes one step a call, each under a scale of its own", () => {
    prepare({ recipe, stepsPerCall: 4 });
    const scales = [4, hugeScale, 8];
    const trained = engine.trainBatches(
      scales.map((_, step) => tinyBatch(step)),
      scales.map((lossScale, step) => ({ step, learningRate: 0.01, lossScale })),
    );
    expect(trained.map(({ isSkipped }) => isSkipped)).toEqual([false, true, false]);
    expect(engine.readState().optimizerScalars).toEqual({ t: 2 });
  });
});

test.each([1, 3])("a compiled step that is skipped leaves moving averages alone: %d micro-batches", (microBatches) => {
  const engine = createEngine.compiled(tf);
  engine.prepare(tinyOptions({ recipe: tinyRecipe({ loss: steepLoss }), scalesLoss: true, microBatches }));
  const before = engine.readState();
  const { isSkipped } = engine.trainBatch(tinyBatch(0), { step: 0, learningRate: 0.01, lossScale: hugeScale });
  expect(isSkipped).toBe(true);
  expect(engine.readState()).toEqual(before);
  engine.dispose();
});

test("float16 gradients that are too small for it are there under a scale, divided in float32", () => {
  const engine = createEngine.compiled(tf);
  const smallness = 2 ** -20;
  const recipe = tinyRecipe({
    metrics: {},
    loss: (labels: tfjs.Tensor, outputs: tfjs.Tensor) =>
      tf.losses.softmaxCrossEntropy(tf.oneHot(labels.toInt(), 3), outputs).mul(smallness).asScalar(),
    // Wide enough for 16 bits to be worth their casts.
    model: ({ inputShape, numClasses }) =>
      tfjs.sequential({
        layers: [
          tfjs.layers.flatten({ inputShape }),
          tfjs.layers.dense({ units: 512, activation: "tanh" }),
          tfjs.layers.dense({ units: 512, name: "wide" }),
          tfjs.layers.dense({ units: numClasses }),
        ],
      }),
  });
  const learningRate = 1 / smallness;
  const changes = (precision: "float32" | "float16", lossScale: number): readonly number[] => {
    const batchSize = 1_024;
    engine.prepare(tinyOptions({ recipe, precision, batchSize, optimizer: sgd({ learningRate }) }));
    const kernel = () => engine.readState().model.find(({ name }) => name === "wide/kernel")!.data;
    const before = kernel() as Float32Array;
    engine.trainBatch(tinyBatch(0, batchSize), { step: 0, learningRate, lossScale });
    return Array.from(kernel() as Float32Array, (value, place) => value - before[place]!);
  };
  const norm = (values: readonly number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  const expected = changes("float32", 1);
  const size = norm(expected);
  expect(size).toBeGreaterThan(0.01);
  expect(norm(changes("float16", 1))).toBe(0);
  const scaled = changes("float16", 1 / smallness);
  // float16 has 11 bits.
  expect(norm(scaled.map((change, place) => change - expected[place]!))).toBeLessThan(size * 2 ** -8);
  engine.dispose();
});
