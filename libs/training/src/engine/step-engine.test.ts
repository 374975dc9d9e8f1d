import { stateDigestOf } from "@anneal/checkpoint";
import { engines } from "@anneal/contracts";
import * as tfjs from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { initialLoopState } from "../loop/bookkeeping.ts";
import { adam, sgd } from "../optimizers/specs.ts";
import { functionModel } from "../recipe/define.ts";
import { meanAbsoluteError } from "../recipe/metrics.ts";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyBatch, tinyModel, tinyOptions, tinyRecipe } from "../test-support/tiny.ts";
import { createEngine } from "./create-engine.ts";
import type { EngineState } from "./step-engine.ts";

const tf = testTensorflow();
function digestOf({ model, optimizer, optimizerScalars }: EngineState): string {
  return stateDigestOf({ model, optimizer, state: initialLoopState(optimizerScalars) });
}

describe.each(engines)("the %s engine", (engineName) => {
  const engine = createEngine[engineName](tf);
  afterEach(() => engine.dispose());

  function trainSteps(from: number, to: number): void {
    for (let step = from; step < to; step++) engine.trainBatch(tinyBatch(step), { step, learningRate: 0.01 });
  }

  describe("the model", () => {
    test("has variables with names that do not depend on the process", () => {
      const names = () => engine.readState().model.map(({ name }) => name);
      engine.prepare(tinyOptions());
      const first = names();
      expect(first).toEqual([
        "stem/kernel",
        "stem/bias",
        "batch_normalization/gamma",
        "batch_normalization/beta",
        "batch_normalization/moving_mean",
        "batch_normalization/moving_variance",
        "dense/kernel",
        "dense/bias",
        "dense_1/kernel",
        "dense_1/bias",
      ]);
      engine.prepare(tinyOptions());
      expect(names()).toEqual(first);
      expect(
        engine
          .readState()
          .optimizer.map(({ name }) => name)
          .slice(0, 3),
      ).toEqual(["stem/kernel/m", "stem/kernel/v", "stem/bias/m"]);
    });

    test("gets the same initial weights from the same seed, and others from another", () => {
      const digests = [7, 7, 8].map((seed) => {
        engine.prepare(tinyOptions({ seed }));
        return digestOf(engine.readState());
      });
      expect(digests[1]).toBe(digests[0]);
      expect(digests[2]).not.toBe(digests[0]);
    });

    test("has a graph with a digest that does not depend on the process", () => {
      const digests = [tinyOptions(), tinyOptions(), tinyOptions({ batchSize: 4 })].map(
        (options) => engine.prepare(options).graphDigest,
      );
      // TensorFlow.js has numbered its layers on meanwhile.
      expect(digests[1]).toBe(digests[0]);
      if (engineName === "compiled") expect(digests[2]).not.toBe(digests[0]);
    });

    test("runs as it was asked to, or as is fastest where the training is long enough", () => {
      const decisions = (["graph", "xla", 500, 1e12] as const).map((asked) => {
        const lowering = typeof asked === "string" ? asked : { numSteps: asked, maxStepsPerCall: 9 };
        return engine.prepare(tinyOptions({ lowering })).lowering;
      });
      if (engineName === "eager") {
        expect(decisions).toEqual([null, null, null, null]);
        return;
      }
      expect(decisions.slice(0, 3)).toMatchObject([
        { lowering: "graph", why: "asked for" },
        { lowering: "xla", why: "asked for" },
        { lowering: "graph", why: "the training is too short for a trial" },
      ]);
      const { candidates, lowering, stepsPerCall } = decisions[3]!;
      expect(candidates.map((tried) => `${tried.lowering} ${tried.stepsPerCall}`)).toEqual(
        expect.arrayContaining(["graph 1", "xla 1"]),
      );
      expect(candidates.some((tried) => tried.lowering === lowering && tried.stepsPerCall === stepsPerCall)).toBe(true);
      expect(candidates.every((tried) => tried.milliseconds > 0)).toBe(true);
      trainSteps(0, 2);
    });

    test("names the variables of wrappers and of models within models apart", () => {
      const inner = tfjs.sequential({
        layers: [tfjs.layers.dense({ units: 2, inputShape: [3] }), tfjs.layers.dense({ units: 3 })],
      });
      const recipe = tinyRecipe({
        model: () =>
          tfjs.sequential({
            layers: [
              tfjs.layers.reshape({ inputShape: [6, 6, 1], targetShape: [6, 6] }),
              tfjs.layers.bidirectional({ layer: tfjs.layers.lstm({ units: 2 }), mergeMode: "concat" }),
              tfjs.layers.dense({ units: 3 }),
              inner,
            ],
          }),
      });
      engine.prepare(tinyOptions({ recipe }));
      const names = engine.readState().model.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(names).toContain("bidirectional/kernel");
      expect(names).toContain("bidirectional/kernel_1");
      expect(names.filter((name) => name.startsWith("sequential"))).toEqual([
        "sequential/dense/kernel",
        "sequential/dense/bias",
        "sequential/dense_1/kernel",
        "sequential/dense_1/bias",
      ]);
      trainSteps(0, 1);
    });

    test("may be a function over variables", () => {
      const recipe = tinyRecipe({
        model: ({ numClasses }) => {
          const kernel = tfjs.variable(tfjs.truncatedNormal([36, numClasses], 0, 0.1));
          const numCalls = tfjs.variable(tfjs.scalar(0), false);
          return functionModel({
            variables: { kernel, numCalls },
            apply: (inputs, { training }) => {
              if (training) numCalls.assign(numCalls.add(1));
              return inputs.reshape([-1, 36]).matMul(kernel as tfjs.Tensor2D);
            },
          });
        },
      });
      expect(engine.prepare(tinyOptions({ recipe }))).toMatchObject({ numParameters: 36 * 3 + 1, outputShape: [3] });
      trainSteps(0, 3);
      const { model, optimizer } = engine.readState();
      expect(model.map(({ name }) => name)).toEqual(["kernel", "numCalls"]);
      expect(model[1]!.data[0]).toBe(3);
      expect(optimizer.map(({ name }) => name)).toEqual(["kernel/m", "kernel/v"]);
    });
  });

  describe("a step", () => {
    test("lowers the loss, and leaks no tensor", () => {
      engine.prepare(tinyOptions());
      const before = engine.evaluateBatch(tinyBatch(1), 0).sums.loss!;
      trainSteps(0, 2);
      const { numTensors } = tf.memory();
      trainSteps(2, 40);
      expect(tf.memory().numTensors).toBe(numTensors);
      expect(engine.evaluateBatch(tinyBatch(1), 40).sums.loss!).toBeLessThan(before * 0.8);
      engine.readState();
      engine.predictBatch(tinyBatch(0).inputs, 8);
      expect(tf.memory().numTensors).toBe(numTensors);
    });

    test("is undone by nothing but its state: read, load and go on gives the same bits", () => {
      engine.prepare(tinyOptions());
      trainSteps(0, 5);
      const state = engine.readState();
      trainSteps(5, 9);
      const expected = digestOf(engine.readState());
      engine.prepare(tinyOptions({ seed: 7 }));
      engine.loadState(state);
      trainSteps(5, 9);
      expect(digestOf(engine.readState())).toBe(expected);
    });

    test("can be opened where there is a graph, and stays as it was", () => {
      engine.prepare(tinyOptions());
      trainSteps(0, 2);
      const before = digestOf(engine.readState());
      if (engineName === "eager") {
        expect(() => engine.explain()).toThrowError(expect.objectContaining({ code: "USAGE" }));
        return;
      }
      const { parts, nodes, passes, graphDef, stepMilliseconds } = engine.explain();
      expect(parts.map(({ name }) => name)).toEqual([
        "stem",
        "batch_normalization",
        "re_lu",
        "flatten",
        "dense",
        "dropout",
        "dense_1",
        "loss",
        "metrics",
      ]);
      expect(parts[0]!.microseconds.forward).toBeGreaterThan(0);
      expect(nodes.some(({ op, phase }) => op === "ResourceApplyAdam" && phase === "update")).toBe(true);
      expect(passes.length).toBeGreaterThan(0);
      expect(Buffer.from(graphDef).includes("ResourceApplyAdam")).toBe(true);
      expect(stepMilliseconds).toBeGreaterThan(0);
      expect(digestOf(engine.readState())).toBe(before);
    });

    test("reads are copies: later steps do not change them", () => {
      engine.prepare(tinyOptions());
      trainSteps(0, 1);
      const state = engine.readState();
      const digest = digestOf(state);
      trainSteps(1, 4);
      expect(digestOf(state)).toBe(digest);
    });

    test("does not touch a batch in shared memory after it has returned", () => {
      const shared = new SharedArrayBuffer(8 * 36 * 4 + 64, { maxByteLength: 8 * 36 * 4 + 64 });
      const inputs = new Float32Array(shared, 0, 8 * 36);
      const labels = new Int32Array(shared, 8 * 36 * 4, 8);
      const digests = [false, true].map((overwrites) => {
        engine.prepare(tinyOptions());
        for (let step = 0; step < 4; step++) {
          const batch = tinyBatch(step);
          inputs.set(batch.inputs);
          labels.set(batch.labels);
          engine.trainBatch({ numSamples: 8, inputs, labels }, { step, learningRate: 0.01 });
          if (overwrites) inputs.fill(Number.NaN);
        }
        return digestOf(engine.readState());
      });
      expect(digests[1]).toBe(digests[0]);
    });

    test("takes a last batch that is smaller", () => {
      engine.prepare(tinyOptions());
      const { numSamples, sums } = engine.trainBatch(tinyBatch(0, 3), { step: 0, learningRate: 0.01 });
      expect(numSamples).toBe(3);
      expect(Number.isInteger(sums.accuracy)).toBe(true);
    });

    test("moves the averages of batch normalisation when training, not when evaluating", () => {
      engine.prepare(tinyOptions());
      const mean = () => [
        ...(engine.readState().model.find(({ name }) => name.endsWith("moving_mean"))!.data as Float32Array),
      ];
      expect(mean()).toEqual([0, 0, 0]);
      engine.evaluateBatch(tinyBatch(0), 0);
      expect(mean()).toEqual([0, 0, 0]);
      trainSteps(0, 1);
      expect(mean()).not.toEqual([0, 0, 0]);
    });

    test("drops out by step and seed: the same step twice from one state is the same step", () => {
      const lossOf = (step: number) => {
        engine.prepare(tinyOptions());
        return engine.trainBatch(tinyBatch(0), { step, learningRate: 0.01 }).sums.loss;
      };
      expect(lossOf(3)).toBe(lossOf(3));
      expect(lossOf(3)).not.toBe(lossOf(4));
    });

    test("with a loss that is not finite updates nothing and says which step", () => {
      engine.prepare(tinyOptions());
      trainSteps(0, 2);
      const batch = tinyBatch(2);
      batch.inputs[5] = Number.NaN;
      const weights = () => [...(engine.readState().model[0]!.data as Float32Array)];
      const before = weights();
      expect(() => engine.trainBatch(batch, { step: 2, learningRate: 0.01 })).toThrowError(
        expect.objectContaining({ code: "LOSS_NOT_FINITE", facts: { step: 3, loss: "NaN" } }),
      );
      expect(weights()).toEqual(before);
    });

    test("with a gradient that is not finite updates nothing, though the loss is finite", () => {
      const recipe = tinyRecipe({
        // The root's slope at zero is infinite.
        loss: (labels: tfjs.Tensor, outputs: tfjs.Tensor) =>
          outputs.sub(outputs).sqrt().mean().add(labels.toFloat().mean()).asScalar(),
      });
      engine.prepare(tinyOptions({ recipe }));
      const before = digestOf({ ...engine.readState(), optimizerScalars: {} });
      expect(() => trainSteps(0, 1)).toThrowError(
        expect.objectContaining({ code: "LOSS_NOT_FINITE", message: "a gradient of step 1 is not finite" }),
      );
      if (engineName === "compiled") expect(digestOf({ ...engine.readState(), optimizerScalars: {} })).toBe(before);
    });

    test("trains on the penalties that layers declare, and reports the loss without them", () => {
      const lossAndNorm = (l2: number) => {
        const recipe = tinyRecipe({
          model: ({ inputShape, numClasses }) =>
            tfjs.sequential({
              layers: [
                tfjs.layers.flatten({ inputShape }),
                tfjs.layers.dense({ units: numClasses, kernelRegularizer: tfjs.regularizers.l2({ l2 }) }),
              ],
            }),
        });
        engine.prepare(tinyOptions({ recipe, optimizer: sgd({ learningRate: 0.1 }) }));
        const { sums } = engine.trainBatch(tinyBatch(0), { step: 0, learningRate: 0.1 });
        const kernel = engine.readState().model[0]!.data as Float32Array;
        return { loss: sums.loss, norm: Math.hypot(...kernel) };
      };
      const plain = lossAndNorm(1e-9);
      const penalised = lossAndNorm(1);
      expect(penalised.loss).toBe(plain.loss);
      expect(penalised.norm).toBeLessThan(plain.norm * 0.95);
    });
  });

  describe("what does not fit is found before step 1", () => {
    const flat = (units: number) => () =>
      tfjs.sequential({ layers: [tfjs.layers.flatten({ inputShape: [6, 6, 1] }), tfjs.layers.dense({ units })] });

    test.each([
      ["fewer outputs than classes", { model: flat(2) }, {}, "SHAPE_MISMATCH", /3 classes and the model 2 outputs/],
      [
        "outputs of another rank",
        { model: () => tfjs.sequential({ layers: [tfjs.layers.dense({ units: 3, inputShape: [6, 6, 1] })] }) },
        {},
        "SHAPE_MISMATCH",
        /outputs are \[8,6,6,3\], labels \[8\]/,
      ],
      [
        "inputs of another shape",
        { model: () => tinyModel({ inputShape: [5, 5, 1], numClasses: 3 }) },
        {},
        "SHAPE_MISMATCH",
        /\[5,5,1\].*float32\[6,6,1\]/,
      ],
      [
        "labels that are no classes",
        {},
        { labels: { shape: [], dtype: "float32" } },
        "SHAPE_MISMATCH",
        /class indices/,
      ],
      [
        "labels of another shape for a regression",
        { model: flat(3), loss: "meanSquaredError", metrics: { error: meanAbsoluteError() } },
        { labels: { shape: [2], dtype: "float32" }, numClasses: null },
        "SHAPE_MISMATCH",
        /outputs are \[8,3\], labels \[8,2\]/,
      ],
      [
        "a loss per sample",
        { loss: (labels: tfjs.Tensor) => labels.toFloat() },
        {},
        "RECIPE_INVALID",
        /loss\(\) returned/,
      ],
      [
        "a metric of another shape",
        {
          metrics: { odd: { direction: "minimize", compute: (_labels: tfjs.Tensor, outputs: tfjs.Tensor) => outputs } },
        },
        {},
        "RECIPE_INVALID",
        /metrics\.odd returned/,
      ],
      [
        "a model without an input shape",
        { model: () => tfjs.sequential({ layers: [tfjs.layers.dense({ units: 3 })] }) },
        {},
        "RECIPE_THREW",
        /inputShape/,
      ],
      [
        "a model that throws",
        {
          model: () => {
            throw new Error("no such layer");
          },
        },
        {},
        "RECIPE_THREW",
        /model\(\) threw: no such layer/,
      ],
    ] as const)("%s", (_name, recipe, options, code, message) => {
      const prepare = () =>
        engine.prepare(tinyOptions({ recipe: tinyRecipe(recipe as never), ...(options as object) }));
      expect(prepare).toThrowError(expect.objectContaining({ code, message: expect.stringMatching(message) }));
    });

    test("a column of outputs fits labels that are numbers", () => {
      const recipe = tinyRecipe({ model: flat(1), loss: "meanSquaredError", metrics: { error: meanAbsoluteError() } });
      engine.prepare(tinyOptions({ recipe, labels: { shape: [], dtype: "float32" }, numClasses: null }));
      const batch = { ...tinyBatch(0), labels: Float32Array.from(tinyBatch(0).labels) };
      const before = engine.evaluateBatch(batch, 0);
      for (let step = 0; step < 30; step++) engine.trainBatch(batch, { step, learningRate: 0.01 });
      const after = engine.evaluateBatch(batch, 30);
      expect(after.sums.loss!).toBeLessThan(before.sums.loss! / 2);
      expect(after.sums.error! / 8).toBeLessThan(1);
    });

    test("weights of another model are refused before any is assigned", () => {
      engine.prepare(tinyOptions());
      const state = engine.readState();
      const changed = state.model
        .map((tensor, index) => (index === 6 ? { ...tensor, shape: [5, 48] } : tensor))
        .slice(0, -1);
      expect(() => engine.prepare(tinyOptions({ initialWeights: changed, seed: 9 }))).toThrowError(
        expect.objectContaining({
          code: "CHECKPOINT_INCOMPATIBLE",
          message: expect.stringMatching(/dense\/kernel is F32 \[5,48\].*dense_1\/bias is missing/),
        }),
      );
    });

    test("initial weights take the place of the drawn ones, the optimizer starts anew", () => {
      engine.prepare(tinyOptions());
      trainSteps(0, 5);
      const { model } = engine.readState();
      engine.prepare(tinyOptions({ initialWeights: model, optimizer: adam({ learningRate: 0.1 }) }));
      const state = engine.readState();
      expect(digestOf({ ...state, optimizer: [], optimizerScalars: {} })).toBe(
        digestOf({ model, optimizer: [], optimizerScalars: {} }),
      );
      expect(state.optimizerScalars).toEqual({ t: 0 });
      expect(state.optimizer.every(({ data }) => (data as Float32Array).every((value) => value === 0))).toBe(true);
    });
  });
});
