import type { CrossEntropy } from "@anneal/contracts";
import type { TensorflowBackend } from "@anneal/runtime";
import { afterEach, describe, expect, test, vi } from "vitest";
import { adam, adamW, type OptimizerSpec, sgd } from "../optimizers/specs.ts";
import { wholeModels } from "../test-support/models.ts";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyBatch, tinyOptions, tinyRecipe } from "../test-support/tiny.ts";
import { batchFor, type WholeModel } from "../test-support/whole-model.ts";
import { createEngine } from "./create-engine.ts";
import type { EngineOptions, EngineState, StepEngine } from "./step-engine.ts";

/**
 * Compiled against eager, whole models. Step by step from a shared state, where the difference of states is the gradient: equal
 * within rounding. Then over a training: rounding is carried on from step to step, so losses are compared.
 */
const tf = testTensorflow();
const eager = createEngine.eager(tf);
const compiled = createEngine.compiled(tf);
afterEach(() => {
  eager.dispose();
  compiled.dispose();
});

const batchSize = 6;
const numSharedSteps = 3;
const numSteps = 12;
const learningRate = 0.05;

/**
 * Of a tensor's largest change in a step. Both engines sum the same float32 products in another order; a sum of n of them loses
 * up to log2(n) of its 24 bits, and a gradient has gone through a few dozen such sums.
 */
const gradientTolerance = 2e-5;
/** Of a weight: what is left of a small change when it is subtracted from a weight and read back. */
const weightRounding = 2 ** -23;
/** Of the loss: 12 steps that each differ by 1e-7 or so, and a gradient descent that does not diverge. */
const lossTolerance = 1e-5;

interface Course {
  readonly initial: EngineState;
  /** The states from which the first steps were taken, and what each step made of them. */
  readonly before: readonly EngineState[];
  readonly after: readonly EngineState[];
  /** Of each step of a training from the first of these states. */
  readonly losses: readonly number[];
  /** Ops that ran one by one during all these steps. */
  readonly numKernels: number;
}

/**
 * What an engine makes of a model.
 *
 * @param rate learning rate of the steps from shared states; by default the optimizer's. 1 changes weights by their gradients
 * @param before states to start steps from; by default those of the engine's own training
 */
function follow(
  engine: StepEngine,
  whole: WholeModel,
  { optimizer, rate, before }: { optimizer: OptimizerSpec; rate?: number; before?: readonly EngineState[] },
): Course {
  engine.prepare(optionsFor(whole, optimizer));
  const initial = engine.readState();
  let numKernels = 0;
  const train = (step: number, learningRate = optimizer.schedule.at(0)) => {
    // A few batches, again and again: they are learned.
    const batch = batchFor(whole, step % 4, batchSize);
    const counted = countKernels(() => engine.trainBatch(batch, { step, learningRate }));
    numKernels += counted.numKernels;
    return counted.result.sums.loss! / batchSize;
  };
  const states = [...(before ?? [initial])];
  const after = Array.from({ length: numSharedSteps }, (_, step) => {
    engine.loadState(states[step]!);
    train(step, rate);
    const result = engine.readState();
    if (before === undefined) {
      engine.loadState(states[step]!);
      train(step);
      states.push(engine.readState());
    }
    return result;
  });
  engine.loadState(states[0]!);
  const losses = Array.from({ length: numSteps }, (_, step) => train(step));
  engine.dispose();
  return { initial, before: states, after, losses, numKernels };
}

function optionsFor({ inputs, labels, numClasses, loss, model }: WholeModel, optimizer: OptimizerSpec): EngineOptions {
  const recipe = tinyRecipe({ model, loss, metrics: {} });
  return tinyOptions({ recipe, inputs, labels, numClasses, optimizer, batchSize });
}

/** Counts the ops that run one by one while `run` does. */
function countKernels<T>(run: () => T): { readonly result: T; readonly numKernels: number } {
  const backend = tf.findBackend("tensorflow") as TensorflowBackend;
  const spies = [vi.spyOn(backend, "executeSingleOutput"), vi.spyOn(backend, "executeMultipleOutputs")];
  const result = run();
  const numKernels = spies.reduce((sum, { mock }) => sum + mock.calls.length, 0);
  for (const spy of spies) spy.mockRestore();
  return { result, numKernels };
}

/** The largest difference of two states after a step from `before`, in parts of what is allowed. */
function difference(expected: EngineState, actual: EngineState, before: EngineState): number {
  const all = ({ model, optimizer }: EngineState) => [...model, ...optimizer];
  const excesses = all(expected).map(({ name, data }, index) => {
    const actualTensor = all(actual)[index]!;
    expect(actualTensor.name).toBe(name);
    const [values, other, start] = [data, actualTensor.data, all(before)[index]!.data].map((each) =>
      Array.from(each, Number),
    ) as [number[], number[], number[]];
    const largest = (value: (place: number) => number) =>
      values.reduce((max, _, place) => Math.max(max, value(place)), 0);
    const change = largest((place) => Math.abs(values[place]! - start[place]!));
    const weight = Math.max(
      1,
      largest((place) => Math.abs(values[place]!)),
    );
    return (
      largest((place) => Math.abs(values[place]! - other[place]!)) /
      (gradientTolerance * change + weightRounding * weight)
    );
  });
  return Math.max(...excesses);
}

function expectLikeLosses(actual: readonly number[], expected: readonly number[]): void {
  const relative = expected.map((loss, step) => Math.abs(actual[step]! - loss) / Math.abs(loss));
  expect(Math.max(...relative)).toBeLessThan(lossTolerance);
}

function expectLikeCourses(compiledCourse: Course, eagerCourse: Course): void {
  expect(compiledCourse.numKernels).toBe(0);
  expect(eagerCourse.numKernels).toBeGreaterThan(100);
  expect(compiledCourse.initial).toEqual(eagerCourse.initial);
  for (const [step, after] of eagerCourse.after.entries()) {
    const before = eagerCourse.before[step]!;
    expect(after.model).not.toEqual(before.model);
    expect(difference(after, compiledCourse.after[step]!, before), `step ${step}`).toBeLessThan(1);
  }
  expectLikeLosses(compiledCourse.losses, eagerCourse.losses);
}

describe("a compiled step and an eager one are the same", () => {
  test("on twenty models and more", () => {
    expect(Object.keys(wholeModels).length).toBeGreaterThanOrEqual(20);
  });

  test.each(Object.entries(wholeModels))("%s", (_name, whole) => {
    const optimizer = sgd({ learningRate });
    const expected = follow(eager, whole, { optimizer, rate: 1 });
    expectLikeCourses(follow(compiled, whole, { optimizer, rate: 1, before: expected.before }), expected);
  });

  // At a rate at which Adam does not go past its aim: there it divides what is next to nothing by its own size.
  test.each<[string, OptimizerSpec]>([
    ["momentum", sgd({ learningRate, momentum: 0.9 })],
    ["Nesterov's momentum", sgd({ learningRate, momentum: 0.8, nesterov: true })],
    ["clipped gradients", sgd({ learningRate, clipNorm: 0.1 })],
    ["Adam", adam({ learningRate: 0.003 })],
    ["Adam with clipped gradients", adam({ learningRate: 0.003, beta1: 0.8, beta2: 0.99, clipNorm: 0.1 })],
    ["AdamW", adamW({ learningRate: 0.003, weightDecay: 0.1 })],
  ])("with %s", (_name, optimizer) => {
    const whole = wholeModels["convolutional network"]!;
    const expected = follow(eager, whole, { optimizer });
    expectLikeCourses(follow(compiled, whole, { optimizer, before: expected.before }), expected);
  });
});

test.each(Object.entries(wholeModels))(
  "several steps in a call are the same bits as one by one, in another session as well: %s",
  (_name, whole) => {
    const optimizer = adam({ learningRate: 0.003, clipNorm: 0.1 });
    const stepsPerCall = 3;
    const batches = Array.from({ length: stepsPerCall }, (_, step) => batchFor(whole, step, batchSize));
    const scalars = batches.map((_, step) => ({ step, learningRate: 0.003 }));
    compiled.prepare({ ...optionsFor(whole, optimizer), stepsPerCall });
    const initial = compiled.readState();
    const sums = batches.map((batch, index) => compiled.trainBatch(batch, scalars[index]!));
    const expected = compiled.readState();
    compiled.loadState(initial);
    const together = countKernels(() => compiled.trainBatches(batches, scalars));
    expect(together).toEqual({ result: sums, numKernels: 0 });
    expect(compiled.readState()).toEqual(expected);
    compiled.prepare(optionsFor(whole, optimizer));
    for (const [index, batch] of batches.entries()) compiled.trainBatch(batch, scalars[index]!);
    expect(compiled.readState()).toEqual(expected);
  },
);

test("probabilities that are certain and wrong are clipped only where that is asked for", () => {
  const recipe = tinyRecipe({
    model: ({ inputShape, numClasses }) =>
      tf.sequential({
        layers: [
          tf.layers.flatten({ inputShape }),
          tf.layers.dense({
            units: numClasses,
            kernelInitializer: tf.initializers.randomNormal({ stddev: 100, seed: 1 }),
          }),
          tf.layers.softmax(),
        ],
      }),
    loss: (labels, outputs) =>
      tf.metrics.categoricalCrossentropy(tf.oneHot(labels.toInt(), 3).toFloat(), outputs).mean(),
  });
  const lossOf = (engine: StepEngine, crossEntropy?: CrossEntropy) => {
    engine.prepare(tinyOptions({ recipe, ...(crossEntropy && { crossEntropy }) }));
    const { sums, numSamples } = engine.trainBatch(tinyBatch(0), { step: 0, learningRate: 0.01 });
    return sums.loss! / numSamples;
  };
  const clipped = lossOf(eager);
  expect(clipped).toBeLessThan(16.2);
  expect(lossOf(compiled, "clipped")).toBeCloseTo(clipped, 4);
  expect(lossOf(compiled)).toBeGreaterThan(2 * clipped);
});

test("a recurrence that keeps its states between batches is refused: no checkpoint has them", () => {
  const options = optionsFor(wholeModels.LSTM!, sgd({ learningRate }));
  const stateful = () =>
    tf.sequential({
      layers: [
        tf.layers.lstm({ batchInputShape: [batchSize, 5, 4], units: 3, stateful: true, name: "memory" }),
        tf.layers.dense({ units: 3 }),
      ],
    });
  expect(() => compiled.prepare({ ...options, recipe: tinyRecipe({ model: stateful, metrics: {} }) })).toThrowError(
    expect.objectContaining({ code: "TRACE_UNSUPPORTED", facts: { layer: "memory" } }),
  );
});

describe("a checkpoint", () => {
  test.each([
    ["eager", "compiled", eager, compiled],
    ["compiled", "eager", compiled, eager],
  ] as const)("of the %s engine continues on the %s one", (_from, _to, first, second) => {
    const options = tinyOptions({ optimizer: adam({ learningRate: 0.01 }) });
    const train = (engine: StepEngine, from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) => {
        const step = from + index;
        return engine.trainBatch(tinyBatch(step), { step, learningRate: 0.01 }).sums.loss!;
      });
    first.prepare(options);
    train(first, 0, 5);
    const state = first.readState();
    const expected = train(first, 5, 12);
    first.dispose();
    second.prepare(options);
    second.loadState(state);
    expect(second.readState()).toEqual(state);
    expectLikeLosses(train(second, 5, 12), expected);
  });
});
