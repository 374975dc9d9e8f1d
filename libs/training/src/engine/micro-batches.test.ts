import { stateDigestOf } from "@anneal/checkpoint";
import { engines } from "@anneal/contracts";
import * as tfjs from "@tensorflow/tfjs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { initialLoopState } from "../loop/bookkeeping.ts";
import { adamW, type OptimizerSpec, sgd } from "../optimizers/specs.ts";
import { functionModel } from "../recipe/define.ts";
import { tempFolder } from "../test-support/temp-folder.ts";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyBatch, tinyOptions, tinyRecipe } from "../test-support/tiny.ts";
import { createEngine } from "./create-engine.ts";
import type { Batch, EngineOptions, EngineState, StepEngine } from "./step-engine.ts";

// As on a processor whose products of bfloat16 are fast, whatever this one's are.
vi.mock("./kernel-costs.ts", async () => {
  const { cpuCosts } = await import("@anneal/compiler");
  return { kernelCostsFor: () => cpuCosts.fast };
});

const tf = testTensorflow();

function digestOf({ model, optimizer, optimizerScalars }: EngineState): string {
  return stateDigestOf({ model, optimizer, state: initialLoopState(optimizerScalars) });
}

/** Neither dropout nor batch normalisation: what a part computes of a sample does not depend on the others. */
const plainRecipe = tinyRecipe({
  model: ({ inputShape, numClasses }) =>
    tfjs.sequential({
      layers: [
        tfjs.layers.conv2d({ inputShape, filters: 3, kernelSize: 3, activation: "tanh" }),
        tfjs.layers.flatten(),
        tfjs.layers.dense({ units: 5, activation: "tanh", kernelRegularizer: "l1l2" }),
        tfjs.layers.dense({ units: numClasses }),
      ],
    }),
});

function train(engine: StepEngine, from: number, to: number, numSamples = 8) {
  return Array.from({ length: to - from }, (_, index) => {
    const step = from + index;
    return engine.trainBatch(tinyBatch(step, numSamples), { step, learningRate: 0.01 });
  });
}

/** The largest difference of two states, in parts of the largest change since a third. */
function difference(a: EngineState, b: EngineState, before: EngineState): number {
  const values = ({ model, optimizer }: EngineState) =>
    [...model, ...optimizer].flatMap(({ data }) => Array.from(data, Number));
  const [x, y, start] = [a, b, before].map(values) as [number[], number[], number[]];
  const largest = (value: (place: number) => number) => x.reduce((max, _, place) => Math.max(max, value(place)), 0);
  return largest((place) => Math.abs(x[place]! - y[place]!)) / largest((place) => Math.abs(x[place]! - start[place]!));
}

describe.each(engines)("micro-batches in the %s engine", (engineName) => {
  const engine = createEngine[engineName](tf);
  afterEach(() => engine.dispose());

  test.each<[string, OptimizerSpec]>([
    ["AdamW, clipped", adamW({ learningRate: 0.01, clipNorm: 0.1 })],
    ["momentum", sgd({ learningRate: 0.01, momentum: 0.9, clipNorm: 0.1 })],
    ["plain descent", sgd({ learningRate: 0.01 })],
  ])("are the step on the whole batch, within rounding: %s", (_name, optimizer) => {
    // 8 samples are 3, 3 and 2; 5 are 3 and 2.
    const courses = [1, 3].map((microBatches) => {
      engine.prepare(tinyOptions({ recipe: plainRecipe, optimizer, microBatches }));
      const before = engine.readState();
      const sums = [...train(engine, 0, 4), ...train(engine, 4, 5, 5), ...train(engine, 5, 6)];
      return { before, sums, state: engine.readState() };
    });
    const [whole, parted] = courses as [(typeof courses)[0], (typeof courses)[0]];
    expect(parted.before).toEqual(whole.before);
    expect(parted.state.optimizerScalars).toEqual(whole.state.optimizerScalars);
    expect(difference(whole.state, parted.state, whole.before)).toBeLessThan(1e-4);
    for (const [index, { numSamples, sums, isSkipped }] of whole.sums.entries()) {
      expect(parted.sums[index]).toMatchObject({ numSamples, isSkipped, sums: { accuracy: sums.accuracy } });
      expect(parted.sums[index]!.sums.loss).toBeCloseTo(sums.loss!, 4);
    }
  });

  test("sum loss and metrics sample by sample, evaluating too", () => {
    engine.prepare(tinyOptions({ recipe: plainRecipe, microBatches: 3, optimizer: sgd({ learningRate: 0 }) }));
    const batch = tinyBatch(3, 7);
    const part = (from: number, to: number): Batch => ({
      numSamples: to - from,
      inputs: batch.inputs.slice(from * 36, to * 36),
      labels: batch.labels.slice(from, to),
    });
    // 7 samples are 3, 2 and 2, each of which is a batch that is not parted further.
    const parts = [part(0, 3), part(3, 5), part(5, 7)].map((each) => engine.evaluateBatch(each, 0));
    const loss = parts.reduce((sum, { sums }) => sum + sums.loss!, 0);
    expect(engine.evaluateBatch(batch, 0).sums.loss).toBe(loss);
    expect(engine.trainBatch(batch, { step: 0, learningRate: 0 }).sums.loss).toBeCloseTo(loss, 4);
  });

  test("resume with the same bits, and several of them in one call are the same as one by one", () => {
    const options = tinyOptions({ microBatches: 3 });
    engine.prepare(options);
    train(engine, 0, 3);
    const state = engine.readState();
    train(engine, 3, 7);
    const expected = digestOf(engine.readState());
    engine.prepare(options);
    engine.loadState(state);
    const steps = [3, 4, 5, 6];
    engine.trainBatches(
      steps.map((step) => tinyBatch(step)),
      steps.map((step) => ({ step, learningRate: 0.01 })),
    );
    expect(digestOf(engine.readState())).toBe(expected);
  });

  test("may begin anywhere in shared memory, where batches lie in a training", () => {
    const pages = (numBytes: number) => new SharedArrayBuffer(numBytes, { maxByteLength: numBytes });
    // 7 samples are 3, 2 and 2: labels at bytes 0, 12 and 20.
    const batch = tinyBatch(0, 7);
    const inputs = new Float32Array(pages(batch.inputs.byteLength));
    const labels = new Int32Array(pages(batch.labels.byteLength));
    inputs.set(batch.inputs);
    labels.set(batch.labels);
    const inShared: Batch = { numSamples: 7, inputs, labels };
    const digests = [batch, inShared].map((each) => {
      engine.prepare(tinyOptions({ microBatches: 3 }));
      const { sums } = engine.evaluateBatch(each, 0);
      engine.trainBatch(each, { step: 0, learningRate: 0.01 });
      return { sums, digest: digestOf(engine.readState()) };
    });
    expect(digests[1]).toEqual(digests[0]);
  });

  test("have a state that is that of whole batches", () => {
    const states = [1, 3].map((microBatches) => {
      engine.prepare(tinyOptions({ microBatches }));
      train(engine, 0, 2);
      return engine.readState();
    });
    const shapes = states.map(({ model, optimizer }) =>
      [...model, ...optimizer].map(({ name, shape }) => [name, shape]),
    );
    expect(shapes[1]).toEqual(shapes[0]);
    for (const [index, microBatches] of [3, 1].entries()) {
      engine.prepare(tinyOptions({ microBatches }));
      engine.loadState(states[index]!);
      expect(engine.readState()).toEqual(states[index]);
      train(engine, 2, 3);
    }
  });

  test("draw anew for each part, by seed, step and part alone", () => {
    const recipe = tinyRecipe({
      metrics: {},
      model: ({ numClasses }) => {
        const bias = tfjs.variable(tfjs.zeros([numClasses]));
        const apply = (inputs: tfjs.Tensor) =>
          inputs
            .reshape([-1, 36])
            .slice([0, 0], [-1, numClasses])
            .mul(0)
            .add(tfjs.randomNormal([1]))
            .add(bias);
        return functionModel({ variables: { bias }, apply });
      },
      loss: (_labels, outputs) => outputs.mean().asScalar(),
    });
    const optimizer = sgd({ learningRate: 0 });
    /** The batch's loss: each part's own draw, as often as it has samples. */
    const lossOf = (numSamples: number, microBatches: number, step = 5) => {
      engine.prepare(tinyOptions({ recipe, optimizer, microBatches }));
      return engine.trainBatch(tinyBatch(0, numSamples), { step, learningRate: 0 }).sums.loss!;
    };
    const first = lossOf(1, 8);
    const second = lossOf(2, 8) - first;
    expect(second).not.toBeCloseTo(first, 2);
    expect(lossOf(4, 4)).toBeCloseTo(2 * first + 2 * second, 4);
    expect(lossOf(1, 1)).toBeCloseTo(first, 4);
    expect(lossOf(2, 8, 6)).not.toBeCloseTo(first + second, 2);
  });

  test("with a loss that is not finite in any of them update nothing, and the next step is as if it had not been", () => {
    const recipe = plainRecipe;
    const stateAfter = (spoiled: number | null) => {
      engine.prepare(tinyOptions({ recipe, microBatches: 3 }));
      train(engine, 0, 2);
      if (spoiled !== null) {
        const batch = tinyBatch(2);
        batch.inputs[spoiled * 36] = Number.NaN;
        const before = digestOf(engine.readState());
        expect(() => engine.trainBatch(batch, { step: 2, learningRate: 0.01 })).toThrowError(
          expect.objectContaining({ code: "LOSS_NOT_FINITE", facts: { step: 3, loss: "NaN" } }),
        );
        expect(digestOf(engine.readState())).toBe(before);
      }
      train(engine, 3, 5);
      return digestOf(engine.readState());
    };
    const expected = stateAfter(null);
    for (const spoiled of [0, 7]) expect(stateAfter(spoiled)).toBe(expected);
  });

  test("with a gradient that is not finite update nothing, though all losses are finite", () => {
    const recipe = tinyRecipe({
      ...plainRecipe,
      // The root's slope at zero is infinite.
      loss: (labels: tfjs.Tensor, outputs: tfjs.Tensor) =>
        outputs.sub(outputs).sqrt().mean().add(labels.toFloat().mean()).asScalar(),
    });
    engine.prepare(tinyOptions({ recipe, microBatches: 2 }));
    const before = digestOf(engine.readState());
    expect(() => train(engine, 0, 1)).toThrowError(
      expect.objectContaining({ code: "LOSS_NOT_FINITE", message: "a gradient of step 1 is not finite" }),
    );
    expect(digestOf(engine.readState())).toBe(before);
  });

  test("move the averages of batch normalisation once each", () => {
    const means = [1, 2].map((microBatches) => {
      engine.prepare(tinyOptions({ microBatches }));
      train(engine, 0, 1);
      const find = (name: string) =>
        Array.from(engine.readState().model.find((tensor) => tensor.name.endsWith(name))!.data, Number);
      return find("moving_mean");
    });
    // Of a momentum of 0.5: half the mean of all, and half of the second part's and a quarter of the first one's.
    const parts = [0, 4].map((from) => {
      engine.prepare(tinyOptions());
      const batch = tinyBatch(0);
      const [inputs, labels] = [batch.inputs.slice(from * 36, (from + 4) * 36), batch.labels.slice(from, from + 4)];
      engine.trainBatch({ numSamples: 4, inputs, labels }, { step: 0, learningRate: 0.01 });
      return Array.from(engine.readState().model.find(({ name }) => name.endsWith("moving_mean"))!.data, Number);
    });
    for (const [place, mean] of means[1]!.entries()) {
      expect(mean).toBeCloseTo(parts[0]![place]! / 2 + parts[1]![place]!, 5);
      expect(means[0]![place]).toBeCloseTo((parts[0]![place]! + parts[1]![place]!) / 2, 5);
    }
  });
});

test("compiled micro-batches are those of the eager engine, with batch normalisation and dropout", () => {
  const courses = engines.map((name) => {
    const engine = createEngine[name](tf);
    engine.prepare(tinyOptions({ microBatches: 3, optimizer: sgd({ learningRate: 0.01 }) }));
    const before = engine.readState();
    const sums = [...train(engine, 0, 3), ...train(engine, 3, 4, 5)];
    const state = engine.readState();
    engine.dispose();
    return { before, sums, state };
  });
  const [eager, compiled] = courses as [(typeof courses)[0], (typeof courses)[0]];
  expect(compiled.before).toEqual(eager.before);
  expect(difference(eager.state, compiled.state, eager.before)).toBeLessThan(1e-4);
  for (const [index, { sums }] of eager.sums.entries()) {
    expect(compiled.sums[index]!.sums.loss).toBeCloseTo(sums.loss!, 4);
  }
});

describe("compiled micro-batches", () => {
  const engine = createEngine.compiled(tf);
  afterEach(() => engine.dispose());
  const prepare = (changes: Partial<EngineOptions> = {}) =>
    engine.prepare(tinyOptions({ microBatches: 3, ...changes }));

  test("leave moving averages alone where a later part is not finite", () => {
    prepare();
    train(engine, 0, 2);
    const before = digestOf(engine.readState());
    const batch = tinyBatch(2);
    batch.inputs[7 * 36] = Number.NaN;
    expect(() => engine.trainBatch(batch, { step: 2, learningRate: 0.01 })).toThrow();
    expect(digestOf(engine.readState())).toBe(before);
    const expected = (() => {
      prepare();
      train(engine, 0, 2);
      train(engine, 3, 4);
      return digestOf(engine.readState());
    })();
    prepare();
    train(engine, 0, 2);
    expect(() => engine.trainBatch(batch, { step: 2, learningRate: 0.01 })).toThrow();
    train(engine, 3, 4);
    expect(digestOf(engine.readState())).toBe(expected);
  });

  test("of another size move to another session as a whole", () => {
    const digests = [[8], [8, 5]].map((sizes) => {
      prepare({ batchSizes: { train: sizes, evaluate: [8] } });
      train(engine, 0, 2);
      train(engine, 2, 3, 5);
      train(engine, 3, 5);
      return digestOf(engine.readState());
    });
    expect(digests[1]).toBe(digests[0]);
  });

  test("are a graph of their own, kept and taken as it is; a graph of whole batches is not taken for it", () => {
    using folder = tempFolder();
    const course = () => {
      train(engine, 0, 3);
      train(engine, 3, 4, 5);
      return digestOf(engine.readState());
    };
    const graphs = (recorded: string | null) => ({ graphs: { directory: folder.path, recorded } });
    const whole = prepare({ microBatches: 1, ...graphs(null) });
    course();
    const first = prepare(graphs(null));
    expect(first.graphDigest).not.toBe(whole.graphDigest);
    expect(prepare({ microBatches: 2 }).graphDigest).not.toBe(first.graphDigest);
    prepare(graphs(null));
    const expected = course();
    expect(prepare(graphs(first.graphDigest)).lowering).toMatchObject({ why: "as recorded" });
    expect(course()).toBe(expected);
    expect(prepare(graphs(whole.graphDigest))).toMatchObject({
      graphDigest: first.graphDigest,
      lowering: { why: "asked for" },
    });
  });

  test("add up in float32 what is computed in 16 bits, to the same bits each time", () => {
    const recipe = tinyRecipe({
      // Wide enough for 16 bits to be worth their casts.
      model: ({ inputShape, numClasses }) =>
        tfjs.sequential({
          layers: [
            tfjs.layers.flatten({ inputShape }),
            tfjs.layers.dense({ units: 512, activation: "relu" }),
            tfjs.layers.dense({ units: 512 }),
            tfjs.layers.dense({ units: numClasses }),
          ],
        }),
    });
    const optimizer = sgd({ learningRate: 0.1 });
    const options = { recipe, optimizer, batchSize: 512, microBatches: 2 };
    const course = (changes: Partial<EngineOptions>) => {
      prepare({ ...options, ...changes });
      const before = engine.readState();
      train(engine, 0, 2, 512);
      return { before, after: engine.readState() };
    };
    const exact = course({});
    const { after } = course({ precision: "bfloat16" });
    expect(course({ precision: "bfloat16" }).after).toEqual(after);
    // bfloat16 has 8 bits: far from float32, and no further than that.
    const distance = difference(exact.after, after, exact.before);
    expect(distance).toBeGreaterThan(2 ** -14);
    expect(distance).toBeLessThan(2 ** -4);
  });

  test("run one step a call, and can be tried and opened", () => {
    const { lowering } = prepare({ lowering: { numSteps: 1e12, maxStepsPerCall: 9 } });
    expect(lowering!.candidates.map(({ stepsPerCall }) => stepsPerCall)).toEqual([1, 1]);
    expect(prepare({ stepsPerCall: 4 }).lowering).toMatchObject({ stepsPerCall: 1 });
    const before = digestOf(engine.readState());
    const { nodes, graphDef, stepMilliseconds } = engine.explain();
    expect(nodes.some(({ op, phase }) => op === "ResourceApplyAdam" && phase === "update")).toBe(true);
    expect(nodes.some(({ op }) => op === "AssignAddVariableOp")).toBe(true);
    expect(Buffer.from(graphDef).includes("AssignAddVariableOp")).toBe(true);
    expect(stepMilliseconds).toBeGreaterThan(0);
    expect(digestOf(engine.readState())).toBe(before);
  });

  test("refuse a model that assigns to what it trains", () => {
    const recipe = tinyRecipe({
      model: ({ numClasses }) => {
        const kernel = tfjs.variable(tfjs.ones([36, numClasses]));
        const apply = (inputs: tfjs.Tensor) => {
          const outputs = inputs.reshape([-1, 36]).matMul(kernel as tfjs.Tensor2D);
          kernel.assign(kernel.mul(0.9));
          return outputs;
        };
        return functionModel({ variables: { kernel }, apply });
      },
    });
    expect(() => prepare({ recipe })).toThrowError(
      expect.objectContaining({ code: "POLICY_UNSUPPORTED", facts: { option: "microBatches", variable: "kernel" } }),
    );
  });
});
