import type { Tensor } from "@tensorflow/tfjs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyPasses, countOps, inputsOf } from "../../test-support/recurrence.ts";
import {
  type Inputs,
  largestDifference,
  opsOf,
  runGraph,
  testTensorflow,
  traceFunction,
} from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { allPasses, preservingPasses } from "../pipeline.ts";
import { unclipCrossEntropy } from "./unclip-cross-entropy.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const before = allPasses.slice(0, allPasses.indexOf(unclipCrossEntropy));
const unclipped = [...before, unclipCrossEntropy];

type Loss = (labels: Tensor, logits: Tensor) => Tensor;
const categorical: Loss = (labels, logits) => tf.metrics.categoricalCrossentropy(labels, tf.softmax(logits)).mean();
const binary: Loss = (labels, logits) => tf.metrics.binaryCrossentropy(labels, tf.sigmoid(logits)).mean();

/** `sparseCategoricalCrossentropy` is not among `tf.metrics`: what `compile` makes of its name. */
const [sparseLoss] = (() => {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] });
  model.compile({ loss: "sparseCategoricalCrossentropy", optimizer: "sgd" });
  return (model as unknown as { readonly model: { readonly lossFunctions: readonly [Loss] } }).model.lossFunctions;
})();
const sparse: Loss = (labels, logits) => sparseLoss(labels, tf.softmax(logits)).mean();
const weighted: Loss = (labels, logits) =>
  tf.metrics.categoricalCrossentropy(labels, tf.softmax(logits)).mul([1, 2, 3, 4, 5]).mean();
const clip = (x: Tensor): Tensor => x.clipByValue(1e-7, 1 - 1e-7);

/** A loss of labels `t` and logits `x`, and its gradient by the logits. */
function traceLoss(loss: Loss, inputs: Inputs) {
  return traceFunction(tf, inputs, ({ x, t }) => {
    const { value, grads } = tf.valueAndGrads((logits: Tensor) => loss(t!, logits).asScalar())([x!]);
    return { value, gradient: grads[0]! };
  });
}

function inputsFor(shape: readonly number[], logits: readonly number[], labels: readonly number[]): Inputs {
  const type = { dtype: "float32", shape } as const;
  return { x: { type, values: Float32Array.from(logits) }, t: { type, values: Float32Array.from(labels) } };
}

const clips = ["Minimum", "Maximum", "Select", "Log", "RealDiv"] as const;

describe("the cross-entropy of probabilities", () => {
  test.each<[string, Loss, readonly number[]]>([
    ["a softmax", categorical, [5, 3]],
    ["a softmax at every timestep", categorical, [2, 4, 3]],
    ["a sigmoid", binary, [5, 3]],
    ["a sigmoid of one output a sample", (t, x) => binary(t.squeeze([1]), x.squeeze([1])), [6, 1]],
    [
      "a softmax of rows that are timesteps",
      (t, x) => {
        const rows = tf.matMul(x.reshape([8, 3]), tf.eye(3).mul(2).toFloat());
        return tf.metrics.categoricalCrossentropy(t, tf.softmax(rows.reshape([2, 4, 3]))).mean();
      },
      [2, 4, 3],
    ],
    ["a softmax that has a penalty too", (t, x) => categorical(t, x).add(tf.softmax(x).square().sum()), [5, 3]],
    ["a softmax with a weight for each sample", weighted, [5, 3]],
    ["a sigmoid that has a penalty too", (t, x) => binary(t, x).add(tf.sigmoid(x).square().sum()), [5, 3]],
    [
      "a sigmoid that is squeezed",
      (t, x) => tf.metrics.binaryCrossentropy(t.squeeze([1]), tf.sigmoid(x).squeeze([1])),
      [6, 1],
    ],
  ])("of %s is that of the logits, the same between the bounds", (_name, loss, shape) => {
    const inputs = inputsOf({ x: shape, t: shape });
    const clipped = applyPasses(traceLoss(loss, inputs), before);
    expect(countOps(clipped, "Minimum", "Maximum", "Select")).toEqual([1, 1, 1]);
    const after = expectSameNumbers(tensorflow, clipped, inputs, [unclipCrossEntropy]);
    const [minima, maxima, selects, logs] = countOps(after, ...clips);
    expect([minima, maxima, selects, logs]).toEqual([0, 0, 0, 0]);
  });

  test.each<[string, Loss, readonly number[]]>([
    ["one-hot labels", (t, x) => categorical(tf.oneHot(t.toInt(), 3).toFloat(), x), [4]],
    ["one-hot labels at every timestep", (t, x) => categorical(tf.oneHot(t.toInt(), 3).toFloat(), x), [2, 2]],
    [
      "one-hot labels of rows that are timesteps",
      (t, x) => {
        const rows = tf.matMul(x.reshape([4, 3]), tf.eye(3).mul(2).toFloat());
        return categorical(tf.oneHot(t.toInt(), 3).toFloat(), rows.reshape([2, 2, 3]));
      },
      [2, 2],
    ],
    ["the numbers of classes", sparse, [4]],
    ["the numbers of classes as a column", sparse, [4, 1]],
  ])("with %s and a softmax it becomes one op, with its gradient", (_name, loss, shape) => {
    const logits = shape.at(-1) === 1 ? [4, 3] : [...shape, 3];
    const labels = { type: { dtype: "float32", shape }, values: Float32Array.of(0, 2, 1, 2) } as const;
    const inputs: Inputs = { ...inputsOf({ x: logits }), t: labels };
    const after = expectSameNumbers(tensorflow, traceLoss(loss, inputs), inputs, allPasses);
    expect(countOps(after, "SoftmaxCrossEntropyWithLogits", "Softmax", ...clips)).toEqual([1, 0, 0, 0, 0, 0, 0]);
  });

  test("with labels that may sum up to anything, the loss is the op and the gradient is not", () => {
    const inputs = inputsOf({ x: [5, 3], t: [5, 3] });
    const after = expectSameNumbers(tensorflow, traceLoss(categorical, inputs), inputs, allPasses);
    expect(countOps(after, "SoftmaxCrossEntropyWithLogits", "Softmax", ...clips)).toEqual([1, 1, 0, 0, 0, 0, 0]);
  });

  test("a softmax that is certain and wrong has a loss and a gradient", () => {
    const inputs = inputsFor([2, 2], [40, 0, 0, 40], [0, 1, 0, 1]);
    const graph = traceLoss(categorical, inputs);
    const [clipped, free] = [preservingPasses, allPasses].map((passes) => runGraph(tensorflow, graph, inputs, passes));
    // The first sample loses 40, the second nothing.
    expect(clipped!.value![0]).toBeCloseTo(16.118 / 2, 2);
    expect(free!.value![0]).toBeCloseTo(40 / 2, 5);
    expect([...clipped!.gradient!]).toEqual([0, 0, 0, 0].map(() => expect.closeTo(0, 6)));
    expect([...free!.gradient!]).toEqual([0.5, -0.5, 0, 0].map((value) => expect.closeTo(value, 6)));
  });

  test("a sigmoid that is certain and wrong has a loss and a gradient", () => {
    const inputs = inputsFor([2, 1], [40, -40], [0, 0]);
    const graph = traceLoss(binary, inputs);
    const [clipped, free] = [preservingPasses, allPasses].map((passes) => runGraph(tensorflow, graph, inputs, passes));
    expect(clipped!.value![0]).toBeLessThan(9);
    expect(free!.value![0]).toBeCloseTo(40 / 2, 5);
    expect([...clipped!.gradient!]).toEqual([0, 0]);
    expect([...free!.gradient!]).toEqual([0.5, 0].map((value) => expect.closeTo(value, 6)));
  });

  test("what else depends on probabilities is as it was", () => {
    const inputs = inputsFor([2, 2], [40, 0, 0, 40], [0, 1, 0, 1]);
    const graph = traceFunction(tf, inputs, ({ x, t }) => {
      const loss = (logits: Tensor) => categorical(t!, logits).add(tf.softmax(logits).square().sum());
      const { value, grad } = tf.valueAndGrad((logits: Tensor) => loss(logits).asScalar())(x!);
      const metric = tf.metrics.categoricalAccuracy(t!, tf.softmax(x!)).mean();
      return { value, gradient: grad, metric, probabilities: tf.softmax(x!) };
    });
    const results = runGraph(tensorflow, graph, inputs, allPasses);
    expect(results.value![0]).toBeCloseTo(40 / 2 + 2, 5);
    expect([...results.gradient!]).toEqual([0.5, -0.5, 0, 0].map((value) => expect.closeTo(value, 6)));
    expect(results.metric![0]).toBe(0.5);
    expect([...results.probabilities!]).toEqual([1, 0, 0, 1].map((value) => expect.closeTo(value, 6)));
  });

  test.each<[string, Loss, Loss]>([
    ["a softmax", categorical, (t, x) => tf.losses.softmaxCrossEntropy(t, x)],
    [
      "a softmax of numbers of classes",
      (t, x) => sparse(t.argMax(-1).toFloat(), x),
      (t, x) => tf.losses.softmaxCrossEntropy(t, x),
    ],
    ["a sigmoid", binary, (t, x) => tf.losses.sigmoidCrossEntropy(t, x)],
    [
      "a sigmoid that is squeezed",
      (t, x) => tf.metrics.binaryCrossentropy(t.flatten(), tf.sigmoid(x.reshape([12, 1])).squeeze([1])),
      (t, x) => tf.losses.sigmoidCrossEntropy(t, x),
    ],
  ])(
    "of %s: the same numbers between the bounds, and beyond them those of the loss of the logits",
    (_name, loss, ofLogits) => {
      const logits = (largest: number) =>
        fc.array(fc.float({ min: -largest, max: largest, noNaN: true }), { minLength: 12, maxLength: 12 });
      const labels = [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0];
      const graphs = [loss, ofLogits].map((each) => traceLoss(each, inputsFor([4, 3], labels, labels)));
      fc.assert(
        fc.property(logits(7), (values) => {
          expectSameNumbers(tensorflow, graphs[0]!, inputsFor([4, 3], values, labels), allPasses, 1e-4);
        }),
        { seed: 1, numRuns: 15 },
      );
      fc.assert(
        fc.property(logits(1e4), (values) => {
          const inputs = inputsFor([4, 3], values, labels);
          const [actual, expected] = graphs.map((graph) => runGraph(tensorflow, graph, inputs, allPasses));
          for (const name of ["value", "gradient"]) {
            expect(largestDifference(actual![name]!, expected![name]!), name).toBeLessThan(2e-5);
          }
        }),
        { seed: 1, numRuns: 15 },
      );
    },
  );
});

/** Binary cross-entropy as it is written by hand. */
const written: Loss = (t, x) => {
  const s = clip(tf.sigmoid(x));
  return t
    .mul(s.log())
    .add(tf.sub(1, t).mul(tf.sub(1, s).log()))
    .mean()
    .neg();
};
const focal: Loss = (t, x) => {
  const p = clip(tf.softmax(x));
  return t.mul(p.log()).mul(tf.sub(1, p).square()).sum(-1).mean().neg();
};
const divergence: Loss = (t, x) =>
  t
    .mul(
      clip(t)
        .div(clip(tf.softmax(x)))
        .log(),
    )
    .sum(-1)
    .mean();
const infinite: Loss = (t, x) => categorical(t, tf.where([[true, false, true]], x, Number.NEGATIVE_INFINITY));

describe("leaves", () => {
  const labels = [0, 0, 1, 1, 0, 0];
  const inputs = inputsFor([2, 3], [200, 0, -200, 0, 200, -200], labels);
  test.each<[string, Loss]>([
    ["a tighter clip", (t, x) => tf.softmax(x).clipByValue(0.1, 0.9).log().mul(t).sum()],
    ["a clip that is tighter at one end", (t, x) => tf.softmax(x).clipByValue(1e-7, 0.9).log().mul(t).sum()],
    ["a clip of anything else", (t, x) => x.tanh().clipByValue(1e-7, 1).log().mul(t).sum()],
    [
      "a division by a sum and something more",
      (t, x) =>
        clip(tf.softmax(x).div(tf.softmax(x).sum(1, true).add(1)))
          .log()
          .mul(t)
          .sum(),
    ],
    ["tf.losses.logLoss", (t, x) => tf.losses.logLoss(t, tf.softmax(x))],
    ["a quotient by what is clipped", (t, x) => clip(tf.softmax(x)).reciprocal().mul(t).sum()],
    ["a binary cross-entropy that is written by hand", written],
    ["a focal loss of what is clipped", focal],
    ["a divergence", divergence],
    ["a softmax that an infinity masks", infinite],
    ["a softmax to whose logits an infinity is added", (t, x) => categorical(t, x.add(tf.tensor1d([-1 / 0, 0, 0])))],
    [
      "a softmax masked by a logarithm",
      (t, x) =>
        categorical(
          t,
          x.add(
            tf
              .onesLike(t)
              .sub(tf.onesLike(t))
              .log()
              .slice([0, 0], [2, 1])
              .pad([
                [0, 0],
                [0, 2],
              ]),
          ),
        ),
    ],
    [
      "a softmax padded with an infinity",
      (t, x) =>
        categorical(
          t,
          x.slice([0, 0], [2, 2]).pad(
            [
              [0, 0],
              [0, 1],
            ],
            -1 / 0,
          ),
        ),
    ],
    [
      "masks that overflow together",
      (t, x) => categorical(t, x.add(tf.tensor1d([-3.4e38, 0, 0])).add(tf.tensor1d([-3.4e38, 0, 0]))),
    ],
    [
      "a sigmoid that an infinity masks",
      (t, x) => binary(t, tf.where([[true, false, true]], x, Number.NEGATIVE_INFINITY)),
    ],
  ])("%s, with numbers that are finite", (_name, loss) => {
    const graph = applyPasses(traceLoss(loss, inputs), before);
    expect(unclipCrossEntropy.run(graph).nodes).toEqual(graph.nodes);
    const results = runGraph(tensorflow, traceLoss(loss, inputs), inputs, allPasses);
    expect([...results.value!, ...results.gradient!].every(Number.isFinite)).toBe(true);
  });
});

test.each<[string, Loss]>([
  ["a clip at zero, which is not for a logarithm's sake", (t, x) => tf.softmax(x).clipByValue(0, 1).log().mul(t).sum()],
  [
    "a division by a sum over samples",
    (t, x) =>
      clip(tf.softmax(x).div(tf.softmax(x).sum(0, true)))
        .log()
        .mul(t)
        .sum(),
  ],
])("leaves %s", (_name, loss) => {
  const inputs = inputsOf({ x: [2, 3], t: [2, 3] });
  const graph = applyPasses(traceLoss(loss, inputs), before);
  expect(unclipCrossEntropy.run(graph).nodes).toEqual(graph.nodes);
});

test("applied twice it finds nothing more", () => {
  for (const loss of [categorical, binary]) {
    const once = applyPasses(traceLoss(loss, inputsOf({ x: [5, 3], t: [5, 3] })), unclipped);
    expect(opsOf(unclipCrossEntropy.run(once))).toEqual(opsOf(once));
  }
});
