import type { Graph } from "@anneal/graph";
import type { Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { commonSubexpressions } from "./common-subexpressions.ts";
import { lateBroadcasts } from "./late-broadcasts.ts";
import { simplifyArithmetic } from "./simplify-arithmetic.ts";
import { simplifyMovement } from "./simplify-movement.ts";
import { softmax } from "./softmax.ts";
import { softmaxCrossEntropy } from "./softmax-cross-entropy.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const passes = [
  simplifyMovement,
  commonSubexpressions,
  simplifyArithmetic,
  lateBroadcasts,
  softmax,
  softmaxCrossEntropy,
  commonSubexpressions,
];
const logitsOf = (shape: readonly number[]) => ({
  type: { dtype: "float32", shape } as const,
  values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => 4 * Math.sin(3 * index + 1)),
});
const labelsOf = (shape: readonly number[], values: readonly number[]) => ({
  type: { dtype: "int32", shape } as const,
  values: Int32Array.from(values),
});
type Loss = (labels: Tensor, logits: Tensor) => Tensor;

/** As the loss `softmaxCrossEntropy` of a recipe is written. */
const named: Loss = (labels, logits) =>
  labels.toInt().oneHot(logits.shape.at(-1)!, 1, 0).toFloat().mul(logits.logSoftmax(-1)).sum(-1).mean().neg();
const oneHotLoss: Loss = (labels, logits) =>
  tf.losses.softmaxCrossEntropy(tf.oneHot(labels.toInt(), logits.shape.at(-1)!).toFloat(), logits);
const smoothed: Loss = (labels, logits) =>
  tf.losses.softmaxCrossEntropy(tf.oneHot(labels.toInt(), logits.shape.at(-1)!).toFloat(), logits, undefined, 0.1);
const weighted: Loss = (labels, logits) => named(labels, logits).mul(logits.square().mean());

function traceLoss(
  loss: Loss,
  inputs: { readonly labels: ReturnType<typeof labelsOf>; readonly logits: ReturnType<typeof logitsOf> },
): Graph {
  return traceFunction(tf, inputs, (t) => {
    const { value, grad } = tf.valueAndGrad((logits: Tensor) => loss(t.labels!, logits) as never)(t.logits!);
    return { value, grad };
  });
}
const few = { labels: labelsOf([4], [2, 0, 4, 2]), logits: logitsOf([4, 5]) };
const sequence = { labels: labelsOf([2, 3], [2, 0, 4, 1, 1, 3]), logits: logitsOf([2, 3, 5]) };
// More classes than are kept as vectors.
const many = { labels: labelsOf([3], [299, 0, 17]), logits: logitsOf([3, 300]) };
// As one-hot vectors these are rows of zeros: no loss, and no gradient.
const withoutLabel = { labels: labelsOf([4], [2, -1, 5, 0]), logits: logitsOf([4, 5]) };
const manyWithoutLabel = { labels: labelsOf([3], [300, -1, 17]), logits: logitsOf([3, 300]) };

const dense = "SoftmaxCrossEntropyWithLogits";
const sparse = "SparseSoftmaxCrossEntropyWithLogits";

describe("softmax cross-entropy", () => {
  test.each([
    ["a named loss", named, few, dense],
    ["on sequences", named, sequence, dense],
    ["with many classes", named, many, sparse],
    ["with rows without a label", named, withoutLabel, dense],
    ["with many classes and rows without a label", named, manyWithoutLabel, sparse],
    ["times another value", weighted, few, dense],
    ["tf.losses.softmaxCrossEntropy", oneHotLoss, few, dense],
    ["tf.losses.softmaxCrossEntropy with smoothed labels", smoothed, few, dense],
  ] as const)("%s: loss and gradient by one op", (_name, loss, inputs, op) => {
    const after = expectSameNumbers(tensorflow, traceLoss(loss, inputs), inputs, passes);
    expect(opsOf(after).filter((each) => each === op)).toHaveLength(1);
    for (const gone of ["Exp", "Log", "LogSoftmax", "Softmax"]) expect(opsOf(after)).not.toContain(gone);
  });

  test("many classes make no one-hot vectors", () => {
    const after = expectSameNumbers(tensorflow, traceLoss(named, many), many, passes);
    expect(opsOf(after)).not.toContain("OneHot");
  });

  test("the loss alone is one op too", () => {
    const graph = traceFunction(tf, few, (t) => ({ value: named(t.labels!, t.logits!) }));
    expect(opsOf(expectSameNumbers(tensorflow, graph, few, passes))).toContain(dense);
  });

  test.each<[string, Loss]>([
    [
      "a loss over another axis",
      (labels, logits) => tf.oneHot(labels.toInt(), 5).toFloat().mul(logits.logSoftmax()).sum(0).mean().neg(),
    ],
    [
      "a softmax minus labels that no loss is of",
      (labels, logits) => tf.oneHot(labels.toInt(), 5).toFloat().sub(logits.softmax()).square().mean(),
    ],
    ["a log-softmax without labels", (_labels, logits) => logits.logSoftmax().sum(-1).mean()],
  ])("leaves %s", (_name, loss) => {
    const after = expectSameNumbers(tensorflow, traceLoss(loss, few), few, passes);
    expect(opsOf(after)).not.toContain(dense);
  });

  test("a gradient through labels that are not one-hot is not taken for one", () => {
    const soft: Loss = (labels, logits) =>
      tf.oneHot(labels.toInt(), 5, 0.7, 0.1).toFloat().mul(logits.logSoftmax()).sum(-1).mean().neg();
    expectSameNumbers(tensorflow, traceLoss(soft, few), few, passes);
  });
});
