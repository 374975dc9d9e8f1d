import type { Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { applyPasses, countOps, inputsOf, passesBefore } from "../../test-support/recurrence.ts";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { summedPads } from "./summed-pads.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const canonical = passesBefore(summedPads);
const inputs = inputsOf({ x: [3, 6, 2] });

/** The gradient of slices along the second axis, each made into something else. */
function gradientOfSlices(x: Tensor, slices: readonly (readonly [begin: number, size: number])[]): Tensor {
  return tf.grad((t: Tensor) =>
    tf.addN(
      slices.map(([begin, size], index) =>
        t
          .slice([0, begin, 0], [3, size, 2])
          .mul(index + 1)
          .sin()
          .sum(),
      ),
    ),
  )(x);
}

describe("summed pads", () => {
  test.each<[string, (readonly [number, number])[], readonly string[]]>([
    ["every timestep is one pack", [0, 3, 1, 2, 5, 4].map((t) => [t, 1] as const), ["Pack"]],
    ["timesteps that are left out are zeros", [0, 1, 3, 4].map((t) => [t, 1] as const), ["Pack"]],
    [
      "ranges side by side are one concatenation",
      [
        [0, 2],
        [2, 3],
        [5, 1],
      ],
      ["ConcatV2"],
    ],
    [
      "with a gap",
      [
        [0, 2],
        [3, 2],
      ],
      ["ConcatV2"],
    ],
    [
      "what overlaps is added",
      [
        [0, 3],
        [2, 2],
        [3, 3],
      ],
      ["AddV2", "ConcatV2"],
    ],
  ])("%s", (_name, slices, expected) => {
    const graph = traceFunction(tf, inputs, ({ x }) => ({ dx: gradientOfSlices(x!, slices) }));
    const before = applyPasses(graph, canonical);
    const after = expectSameNumbers(tensorflow, before, inputs, [summedPads]);
    const moves = opsOf(after).filter((op) => ["AddN", "AddV2", "ConcatV2", "Pack"].includes(op));
    expect(moves).toEqual(expected);
  });

  test.each<[string, (x: Tensor) => Record<string, Tensor>]>([
    [
      "a small part of the whole",
      (x) => ({
        dx: gradientOfSlices(x, [
          [0, 1],
          [4, 1],
        ]),
      }),
    ],
    ["one alone", (x) => ({ dx: gradientOfSlices(x, [[0, 5]]).add(x) })],
    [
      "two that overlap",
      (x) => ({
        dx: gradientOfSlices(x, [
          [0, 5],
          [1, 5],
        ]),
      }),
    ],
    [
      "other values than zero",
      (x) => ({
        y: x
          .slice([0, 0, 0], [3, 3, 2])
          .pad(
            [
              [0, 0],
              [0, 3],
              [0, 0],
            ],
            1,
          )
          .add(
            x
              .slice([0, 0, 0], [3, 3, 2])
              .sin()
              .pad(
                [
                  [0, 0],
                  [3, 0],
                  [0, 0],
                ],
                1,
              ),
          ),
      }),
    ],
    [
      "padding of two axes",
      (x) => ({
        y: x
          .slice([0, 0, 0], [3, 3, 1])
          .pad([
            [0, 0],
            [0, 3],
            [0, 1],
          ])
          .add(
            x
              .slice([0, 0, 0], [3, 3, 1])
              .sin()
              .pad([
                [0, 0],
                [3, 0],
                [1, 0],
              ]),
          ),
      }),
    ],
  ])("leaves %s", (_name, body) => {
    const before = applyPasses(
      traceFunction(tf, inputs, ({ x }) => body(x!)),
      canonical,
    );
    expect(countOps(before, "Pad", "PadV2").reduce((a, b) => a + b)).toBeGreaterThan(0);
    expect(opsOf(summedPads.run(before))).toEqual(opsOf(before));
  });
});
