import type { Tensor } from "@tensorflow/tfjs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyPasses, countOps, inputsOf, passesBefore } from "../../test-support/recurrence.ts";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { preservingPasses } from "../pipeline.ts";
import { unpackedSlices } from "./unpacked-slices.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const canonical = passesBefore(unpackedSlices);

/** A loop as people write it: a slice for each timestep of a batch. */
function loop(x: Tensor, w: Tensor, u: Tensor): Tensor {
  const [numRows, numSteps, numColumns] = x.shape as [number, number, number];
  let state: Tensor = tf.zeros([numRows, w.shape[1]!]);
  for (let t = 0; t < numSteps; t++) {
    const step = x.slice([0, t, 0], [-1, 1, -1]).reshape([numRows, numColumns]);
    state = step.matMul(w).add(state.matMul(u)).tanh();
  }
  return state.square().sum();
}

describe("unpacked slices", () => {
  test("a slice for each timestep is the sequence taken apart", () => {
    const inputs = inputsOf({ x: [2, 5, 3], w: [3, 4], u: [4, 4] });
    const graph = traceFunction(tf, inputs, ({ x, w, u }) => ({ y: loop(x!, w!, u!) }));
    const after = expectSameNumbers(tensorflow, applyPasses(graph, canonical), inputs, [unpackedSlices]);
    expect(countOps(after, "Slice", "Unpack", "Transpose")).toEqual([0, 1, 1]);
  });

  test("the whole pipeline makes one product before and one after such a loop, and no padding", () => {
    const size = fc.integer({ min: 1, max: 4 });
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 7 }), size, size, size, (steps, rows, columns, units) => {
        const inputs = inputsOf({ x: [rows, steps, columns], w: [columns, units], u: [units, units] });
        const graph = traceFunction(tf, inputs, ({ x, w, u }) => {
          const { value, grads } = tf.valueAndGrads(loop as never)([x!, w!, u!]);
          return { value, ...Object.fromEntries(grads.map((gradient, index) => [`gradient${index}`, gradient])) };
        });
        const after = expectSameNumbers(tensorflow, graph, inputs, preservingPasses);
        expect(countOps(after, "Pad", "PadV2")).toEqual([0, 0]);
        if (rows * columns > 1) expect(countOps(after, "Slice")).toEqual([0]);
      }),
      { seed: 1, numRuns: 12 },
    );
  });

  const inputs = inputsOf({ x: [9, 6, 2] });
  const slices = (x: Tensor, num: number, size: readonly number[], axis: number) =>
    Array.from({ length: num }, (_, t) =>
      x
        .slice(
          size.map((_, each) => (each === axis ? t : 0)),
          [...size],
        )
        .tanh(),
    );
  test.each<[string, (x: Tensor) => Tensor[]]>([
    ["few slices", (x) => slices(x, 3, [9, 1, 2], 1)],
    ["less than half of the places", (x) => slices(x, 4, [1, 6, 2], 0)],
    ["slices of several places", (x) => slices(x, 5, [9, 2, 2], 1)],
    ["slices of a part of the other axes", (x) => slices(x, 6, [8, 1, 2], 1)],
  ])("leaves %s", (_name, body) => {
    const graph = traceFunction(tf, inputs, ({ x }) =>
      Object.fromEntries(body(x!).map((y, index) => [`y${index}`, y])),
    );
    expect(opsOf(unpackedSlices.run(graph))).toEqual(opsOf(graph));
  });
});
