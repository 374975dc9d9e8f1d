import type { Optimizer, Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { EagerOptimizer } from "./eager-optimizer.ts";
import { adam, adamW, type OptimizerSpec, sgd } from "./specs.ts";

const tf = testTensorflow();
const learningRate = 0.05;
const numSteps = 25;

/** A loss over two variables with curvature, so that every step has another gradient. */
function lossOf(weights: Tensor, bias: Tensor): Tensor {
  const x = tf.tensor2d([0.5, -1.2, 2, 0.3, 0.7, -0.1], [3, 2]);
  return tf
    .matMul(x, weights as never)
    .add(bias)
    .tanh()
    .sub(0.4)
    .square()
    .mean();
}

function variables() {
  const weights = tf.variable(tf.tensor2d([0.1, -0.4, 0.7, 1.5], [2, 2]));
  const bias = tf.variable(tf.tensor1d([0.2, -0.3]));
  return { weights, bias };
}

function valuesOf({ weights, bias }: ReturnType<typeof variables>): number[] {
  return [...weights.dataSync(), ...bias.dataSync()];
}

function trainOurs(spec: OptimizerSpec): { readonly values: number[]; readonly slots: string[] } {
  const trained = variables();
  const named = [
    { name: "dense/kernel", variable: trained.weights },
    { name: "dense/bias", variable: trained.bias },
  ];
  const optimizer = new EagerOptimizer(tf, spec, named);
  for (let step = 0; step < numSteps; step++) {
    tf.tidy(() => {
      const { grads } = tf.variableGrads(() => lossOf(trained.weights, trained.bias).asScalar());
      const gradients = new Map(named.map(({ name, variable }) => [name, grads[variable.name]!]));
      optimizer.apply(gradients, { learningRate: spec.schedule.at(step), t: step + 1 });
    });
  }
  const result = { values: valuesOf(trained), slots: [...optimizer.slots.keys()] };
  optimizer.dispose();
  trained.weights.dispose();
  trained.bias.dispose();
  return result;
}

function trainTheirs(optimizer: Optimizer): number[] {
  const trained = variables();
  for (let step = 0; step < numSteps; step++) {
    optimizer.minimize(() => lossOf(trained.weights, trained.bias).asScalar(), false, [trained.weights, trained.bias]);
  }
  const values = valuesOf(trained);
  trained.weights.dispose();
  trained.bias.dispose();
  return values;
}

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, index) => {
    expect(Math.abs(actual[index]! - value)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(value)));
  });
}

describe("the same updates as TensorFlow.js's own optimizers", () => {
  test.each([
    ["sgd", sgd({ learningRate }), () => tf.train.sgd(learningRate), []],
    ["momentum", sgd({ learningRate, momentum: 0.9 }), () => tf.train.momentum(learningRate, 0.9), ["momentum"]],
    [
      "nesterov",
      sgd({ learningRate, momentum: 0.9, nesterov: true }),
      () => tf.train.momentum(learningRate, 0.9, true),
      ["momentum"],
    ],
    ["adam", adam({ learningRate }), () => tf.train.adam(learningRate, 0.9, 0.999, 1e-7), ["m", "v"]],
    [
      "adam with other betas",
      adam({ learningRate, beta1: 0.5, beta2: 0.9, epsilon: 1e-3 }),
      () => tf.train.adam(learningRate, 0.5, 0.9, 1e-3),
      ["m", "v"],
    ],
  ] as const)("%s", (_name, spec, theirs, slots) => {
    const ours = trainOurs(spec);
    expectClose(ours.values, trainTheirs(theirs()), 2e-5);
    expect(ours.slots).toEqual(
      ["dense/kernel", "dense/bias"].flatMap((name) => slots.map((slot) => `${name}/${slot}`)),
    );
  });
});

describe("AdamW", () => {
  test("decays matrices apart from the gradient, and leaves biases alone", () => {
    const weightDecay = 0.1;
    const kernel = tf.variable(tf.tensor2d([2, -4], [1, 2]));
    const bias = tf.variable(tf.tensor1d([3]));
    const named = [
      { name: "kernel", variable: kernel },
      { name: "bias", variable: bias },
    ];
    const optimizer = new EagerOptimizer(tf, adamW({ learningRate, weightDecay }), named);
    // Without a gradient only the decay is left: w (1 - lr decay).
    const gradients = new Map<string, Tensor>([
      ["kernel", tf.zeros([1, 2])],
      ["bias", tf.zeros([1])],
    ]);
    tf.tidy(() => optimizer.apply(gradients, { learningRate, t: 1 }));
    expectClose(
      [...kernel.dataSync()],
      [2, -4].map((w) => w * (1 - learningRate * weightDecay)),
      1e-6,
    );
    expect(bias.dataSync()[0]).toBe(3);
  });

  test("without decay is Adam", () => {
    expect(trainOurs(adamW({ learningRate, weightDecay: 0 })).values).toEqual(trainOurs(adam({ learningRate })).values);
  });
});

describe("clipping", () => {
  function clipped(clipNorm: number, gradient: number[]): number[] {
    const variable = tf.variable(tf.zeros([2]));
    const other = tf.variable(tf.zeros([1]));
    const spec = sgd({ learningRate: 1, clipNorm });
    const optimizer = new EagerOptimizer(tf, spec, [
      { name: "a", variable },
      { name: "b", variable: other },
    ]);
    const gradients = new Map([
      ["a", tf.tensor1d(gradient.slice(0, 2))],
      ["b", tf.tensor1d(gradient.slice(2))],
    ]);
    tf.tidy(() => optimizer.apply(gradients, { learningRate: 1, t: 1 }));
    return [...variable.dataSync(), ...other.dataSync()].map((value) => -value);
  }

  test("scales all gradients together to the norm", () => {
    // The norm of (2, 3, 6) is 7.
    expectClose(clipped(3.5, [2, 3, 6]), [1, 1.5, 3], 1e-6);
  });

  test("leaves smaller gradients, and zeros, as they are", () => {
    expect(clipped(7.5, [2, 3, 6])).toEqual([2, 3, 6]);
    expect(clipped(1, [0, 0, 0]).map(Math.abs)).toEqual([0, 0, 0]);
  });
});
