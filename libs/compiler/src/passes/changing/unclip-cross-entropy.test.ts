import type { Tensor } from "@tensorflow/tfjs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyPasses, countOps, inputsOf } from "../../test-support/recurrence.ts";
import { type Inputs, opsOf, runGraph, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
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

  test("with one-hot labels and a softmax it becomes one op, with its gradient", () => {
    const type = { dtype: "int32", shape: [4] } as const;
    const inputs: Inputs = { ...inputsOf({ x: [4, 3] }), t: { type, values: Int32Array.of(0, 2, 1, 2) } };
    const loss: Loss = (labels, logits) => categorical(tf.oneHot(labels.toInt(), 3).toFloat(), logits);
    const after = expectSameNumbers(tensorflow, traceLoss(loss, inputs), inputs, allPasses);
    expect(countOps(after, "SoftmaxCrossEntropyWithLogits", "Softmax", ...clips)).toEqual([1, 0, 0, 0, 0, 0, 0]);
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

  test("random logits have the same numbers, and finite ones however large they are", () => {
    const logits = (largest: number) =>
      fc.array(fc.float({ min: -largest, max: largest, noNaN: true }), { minLength: 12, maxLength: 12 });
    const labels = [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0];
    for (const loss of [categorical, binary]) {
      const graph = applyPasses(traceLoss(loss, inputsFor([4, 3], labels, labels)), before);
      fc.assert(
        fc.property(logits(7), (values) => {
          expectSameNumbers(tensorflow, graph, inputsFor([4, 3], values, labels), [unclipCrossEntropy], 1e-4);
        }),
        { seed: 1, numRuns: 15 },
      );
      fc.assert(
        fc.property(logits(1e4), (values) => {
          const results = runGraph(tensorflow, graph, inputsFor([4, 3], values, labels), [unclipCrossEntropy]);
          expect([...results.value!, ...results.gradient!].every(Number.isFinite)).toBe(true);
        }),
        { seed: 1, numRuns: 15 },
      );
    }
  });
});

describe("leaves", () => {
  const inputs = inputsOf({ x: [5, 3], t: [5, 3] });
  test.each<[string, Loss]>([
    ["a tighter clip", (t, x) => tf.softmax(x).clipByValue(0.1, 0.9).log().mul(t).sum()],
    ["a clip of anything else", (t, x) => x.tanh().clipByValue(1e-7, 1).log().mul(t).sum()],
    ["a clip that lets nothing but zero out", (t, x) => tf.softmax(x).clipByValue(-1, 0.5).mul(t).sum()],
    ["a quotient by something else", (t, x) => tf.softmax(x).div(t.abs().add(1)).sum()],
  ])("%s", (_name, loss) => {
    const graph = applyPasses(traceLoss(loss, inputs), before);
    const [clip] = [applyPasses(graph, [unclipCrossEntropy])];
    expect(opsOf(clip)).toEqual(opsOf(graph));
  });
});

test("applied twice it finds nothing more", () => {
  for (const loss of [categorical, binary]) {
    const once = applyPasses(traceLoss(loss, inputsOf({ x: [5, 3], t: [5, 3] })), unclipped);
    expect(opsOf(unclipCrossEntropy.run(once))).toEqual(opsOf(once));
  }
});
