import { describe, expect, test } from "vitest";
import { applyPasses, countOps, inputsOf, passesBefore } from "../../test-support/recurrence.ts";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { traceLayer } from "../../test-support/trace-layer.ts";
import { sequenceMovement } from "./sequence-movement.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const canonical = passesBefore(sequenceMovement);

describe("sequence movement", () => {
  test("between two recurrent layers nothing is turned around, nor on the way back", () => {
    const stacked = tf.sequential({
      layers: [tf.layers.lstm({ units: 4, returnSequences: true, inputShape: [5, 3] }), tf.layers.lstm({ units: 3 })],
    });
    const { graph, inputs } = traceLayer(tf, stacked as never, [2, 5, 3]);
    const before = applyPasses(graph, canonical);
    const after = expectSameNumbers(tensorflow, before, inputs, [sequenceMovement]);
    const [moved, left] = [before, after].map((each) => countOps(each, "Transpose", "Unpack"));
    // Left are those of the input and its gradient, and the sequence that the second layer's products are made of.
    expect(left![0]).toBeLessThan(moved![0]!);
    expect(left![1]).toBeLessThan(moved![1]!);
  });

  test.each([
    [0, [1, 0, 2]],
    [1, [1, 0, 2]],
    [2, [2, 0, 1]],
    [0, [1, 2, 0]],
  ])("packed along axis %i and transposed by %s, taken apart again", (axis, order) => {
    const inputs = inputsOf({ a: [2, 4], b: [2, 4], c: [2, 4] });
    const to = order.indexOf(axis);
    const graph = traceFunction(tf, inputs, ({ a, b, c }) => {
      const packed = tf.stack([a!.tanh(), b!, c!], axis).transpose(order);
      return Object.fromEntries(tf.unstack(packed, to).map((value, index) => [`y${index}`, value.square()]));
    });
    const after = expectSameNumbers(tensorflow, graph, inputs, [sequenceMovement]);
    expect(countOps(after, "Pack", "Transpose", "Unpack")).toEqual([0, 0, 0]);
  });

  test("leaves what is taken apart along another axis, and other permutations", () => {
    const inputs = inputsOf({ a: [2, 3], b: [2, 3] });
    const graph = traceFunction(tf, inputs, ({ a, b }) => ({
      y: tf.unstack(tf.stack([a!, b!]), 1)[0]!.square(),
      z: tf.stack([a!, b!]).transpose([0, 2, 1]).square(),
    }));
    expect(opsOf(sequenceMovement.run(graph))).toEqual(opsOf(graph));
  });
});
