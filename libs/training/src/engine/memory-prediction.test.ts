import type { SymbolicTensor } from "@tensorflow/tfjs";
import * as tfjs from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { type tinyModel, tinyOptions, tinyRecipe } from "../test-support/tiny.ts";
import { createEngine } from "./create-engine.ts";
import type { Batch, EngineOptions } from "./step-engine.ts";

const tf = testTensorflow();
const engine = createEngine.compiled(tf);
afterEach(() => engine.dispose());

const { layers } = tfjs;
const shape = [16, 16, 1];
const width = 8;

const convolution = (name: string) =>
  layers.conv2d({ name, filters: width, kernelSize: 3, padding: "same", activation: "relu" });

const chain: typeof tinyModel = ({ numClasses }) =>
  tfjs.sequential({
    layers: [
      layers.conv2d({ inputShape: shape, filters: width, kernelSize: 3, padding: "same", activation: "relu" }),
      ...Array.from({ length: 11 }, (_, index) => convolution(`conv${index}`)),
      layers.globalAveragePooling2d({}),
      layers.dense({ units: numClasses }),
    ],
  });

const residual: typeof tinyModel = ({ numClasses }) => {
  const input = tfjs.input({ shape });
  let x = convolution("stem").apply(input) as SymbolicTensor;
  for (let block = 0; block < 6; block += 1) {
    const normalized = layers.batchNormalization().apply(convolution(`block${block}`).apply(x));
    x = layers.add().apply([x, layers.dropout({ rate: 0.1 }).apply(normalized) as SymbolicTensor]) as SymbolicTensor;
  }
  const pooled = layers.globalAveragePooling2d({}).apply(layers.maxPooling2d({ poolSize: 2 }).apply(x));
  return tfjs.model({ inputs: input, outputs: layers.dense({ units: numClasses }).apply(pooled) as SymbolicTensor });
};

const recurrent: typeof tinyModel = ({ numClasses }) =>
  tfjs.sequential({
    layers: [
      layers.reshape({ inputShape: shape, targetShape: [16, 16] }),
      layers.lstm({ units: 64, recurrentInitializer: "glorotUniform" }),
      layers.dense({ units: numClasses }),
    ],
  });

/** The peak of a step's tensors as predicted, and as TensorFlow's own record of a step has it. */
function peaksOf(model: typeof tinyModel, changes: Partial<EngineOptions>) {
  const batchSize = changes.batchSize ?? 32;
  engine.prepare(
    tinyOptions({ recipe: tinyRecipe({ model }), inputs: { shape, dtype: "float32" }, batchSize, ...changes }),
  );
  const batch: Batch = {
    numSamples: batchSize,
    inputs: Float32Array.from({ length: batchSize * 256 }, (_, index) => Math.sin(index * 0.7)),
    labels: Int32Array.from({ length: batchSize }, (_, index) => index % 3),
  };
  engine.trainBatch(batch, { step: 0, learningRate: 0.01 });
  const measured = [1, 2, 3].map((step) => {
    const { recording } = engine.recordBatches([batch], [{ step, learningRate: 0.01 }]);
    return recording!.tensors.reduce((sum, { bytesAtPeak }) => sum + bytesAtPeak, 0);
  });
  const { peakBytes, residentBytes, alive } = engine.explain().memory;
  return { predicted: peakBytes + residentBytes, measured: Math.max(...measured), alive };
}

function expectClose({ predicted, measured, alive }: ReturnType<typeof peaksOf>): void {
  expect(predicted / measured).toBeGreaterThan(0.85);
  expect(predicted / measured).toBeLessThan(1.15);
  expect(alive.length).toBeGreaterThan(0);
}

describe("the predicted peak is within 15 % of the recorded one", () => {
  test.each<[string, typeof tinyModel, Partial<EngineOptions>]>([
    ["a recurrence", recurrent, {}],
    ["micro-batches", residual, { microBatches: 2 }],
    ["bfloat16", chain, { precision: "bfloat16" }],
  ])("%s", (_name, model, changes) => expectClose(peaksOf(model, changes)));

  test.each<[string, typeof tinyModel, number]>([
    ["convolutions", chain, 0.5],
    ["blocks that skip", residual, 0.6],
  ])("%s, and much less where they are computed again", (_name, model, share) => {
    const plain = peaksOf(model, { batchSize: 64 });
    const again = peaksOf(model, { batchSize: 64, recomputeSegments: 8 });
    expectClose(plain);
    expectClose(again);
    expect(again.measured / plain.measured).toBeLessThan(share);
  });
});
