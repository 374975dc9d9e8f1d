import { stateDigestOf } from "@anneal/checkpoint";
import type { SymbolicTensor } from "@tensorflow/tfjs";
import * as tfjs from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { initialLoopState } from "../loop/bookkeeping.ts";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyBatch, tinyModel, tinyOptions, tinyRecipe } from "../test-support/tiny.ts";
import { createEngine } from "./create-engine.ts";
import type { EngineOptions, StepEngine } from "./step-engine.ts";

const tf = testTensorflow();
const { layers } = tfjs;
type BuildModel = typeof tinyModel;

const numSamples = 32;

/** Bits of all that some steps report, and of the state that they leave. */
function courseOf(engine: StepEngine, options: Partial<EngineOptions>): string {
  engine.prepare(tinyOptions({ batchSize: numSamples, ...options }));
  const reports = [0, 1, 2].map((step) => engine.trainBatch(tinyBatch(step, numSamples), { step, learningRate: 0.01 }));
  const { model, optimizer, optimizerScalars } = engine.readState();
  return JSON.stringify([reports, stateDigestOf({ model, optimizer, state: initialLoopState(optimizerScalars) })]);
}

/** Blocks that skip: a convolution, batch normalisation and relu, added to what came in. */
const residual: BuildModel = ({ inputShape, numClasses }) => {
  const input = tfjs.input({ shape: [...inputShape] });
  const conv = (x: SymbolicTensor) =>
    layers.conv2d({ filters: 4, kernelSize: 3, padding: "same", useBias: false }).apply(x) as SymbolicTensor;
  const block = (x: SymbolicTensor): SymbolicTensor => {
    const normalized = layers.batchNormalization().apply(conv(x));
    return layers.add().apply([x, layers.reLU().apply(normalized) as SymbolicTensor]) as SymbolicTensor;
  };
  const x = [1, 2, 3, 4].reduce(block, conv(input));
  const pooled = layers.globalAveragePooling2d({}).apply(x);
  return tfjs.model({ inputs: input, outputs: layers.dense({ units: numClasses }).apply(pooled) as SymbolicTensor });
};

/** Sums of more than two, and dropout between layers of every activation that TensorFlow fuses with a product. */
const activations: BuildModel = ({ inputShape, numClasses }) => {
  const input = tfjs.input({ shape: [...inputShape] });
  const names = ["relu", "elu", "tanh", "sigmoid", "gelu", "swish", "mish"] as const;
  let x = layers.flatten().apply(input) as SymbolicTensor;
  for (const name of names) {
    const dense = (activation: "linear" | (typeof names)[number]) =>
      layers.dense({ units: 12, activation: activation as "relu" }).apply(x) as SymbolicTensor;
    const summed = layers.add().apply([dense("linear"), dense(name), dense("tanh")]) as SymbolicTensor;
    x = layers.dropout({ rate: 0.2 }).apply(layers.layerNormalization().apply(summed)) as SymbolicTensor;
  }
  const leaky = layers.leakyReLU().apply(layers.dense({ units: 12 }).apply(x));
  return tfjs.model({ inputs: input, outputs: layers.dense({ units: numClasses }).apply(leaky) as SymbolicTensor });
};

const convolutions: BuildModel = ({ inputShape, numClasses }) => {
  const names = ["relu", "elu", "tanh", "relu6", "sigmoid", "selu", "softplus"] as const;
  return tfjs.sequential({
    layers: [
      ...names.map((activation, index) =>
        layers.conv2d({
          ...(index === 0 ? { inputShape: [...inputShape] } : {}),
          filters: 4,
          kernelSize: 3,
          padding: "same",
          activation,
        }),
      ),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: numClasses }),
    ],
  });
};

/** Convolution, batch normalisation and activation, over and over: TensorFlow fuses the last two where it can. */
const normalized: BuildModel = ({ inputShape, numClasses }) =>
  tfjs.sequential({
    layers: [
      ...["relu", "relu6", "relu", "swish", "relu"].flatMap((activation, index) => [
        layers.conv2d({
          ...(index === 0 ? { inputShape: [...inputShape] } : {}),
          filters: 4,
          kernelSize: 3,
          padding: "same",
        }),
        layers.batchNormalization(),
        layers.activation({ activation: activation as "relu" }),
      ]),
      layers.globalAveragePooling2d({}),
      layers.dense({ units: numClasses }),
    ],
  });

const recurrent: BuildModel = ({ numClasses }) =>
  tfjs.sequential({
    layers: [
      layers.reshape({ inputShape: [6, 6, 1], targetShape: [6, 6] }),
      layers.lstm({ units: 5, returnSequences: true, recurrentInitializer: "glorotUniform" }),
      layers.gru({ units: 4, recurrentInitializer: "glorotUniform" }),
      layers.dense({ units: numClasses }),
    ],
  });

describe("recomputation changes no bit", () => {
  const engine = createEngine.compiled(tf);
  afterEach(() => engine.dispose());

  test.each<[string, BuildModel, Partial<EngineOptions>]>([
    ["of batch normalisation and dropout", tinyModel, {}],
    ["of blocks that skip", residual, {}],
    ["of activations", activations, {}],
    ["of convolutions", convolutions, {}],
    ["of normalised convolutions", normalized, {}],
    ["of recurrences", recurrent, {}],
    ["of micro-batches", residual, { microBatches: 2 }],
    ["of a step in bfloat16", normalized, { precision: "bfloat16" }],
  ])("%s", (_name, model, options) => {
    const recipe = tinyRecipe({ model });
    const plain = courseOf(engine, { ...options, recipe });
    for (const recomputeSegments of [3, 6, 16]) {
      expect(courseOf(engine, { ...options, recipe, recomputeSegments }), `${recomputeSegments} segments`).toBe(plain);
    }
  });

  test("of several steps a call", () => {
    const recipe = tinyRecipe({ model: residual });
    const batches = [0, 1, 2, 3].map((step) => tinyBatch(step));
    const scalars = batches.map((_, step) => ({ step, learningRate: 0.01 }));
    const [plain, again] = [1, 4].map((recomputeSegments) => {
      engine.prepare(tinyOptions({ recipe, recomputeSegments, lowering: "graph", stepsPerCall: 4 }));
      return [engine.trainBatches(batches, scalars), engine.readState()];
    });
    expect(again).toEqual(plain);
  });
});
