import { describe, expect, test } from "vitest";
import { applyPasses, countOps, inputsOf, passesBefore } from "../../test-support/recurrence.ts";
import { opsOf, testTensorflow, traceFunction } from "../../test-support/run-graph.ts";
import { expectSameNumbers } from "../../test-support/same-numbers.ts";
import { traceLayer } from "../../test-support/trace-layer.ts";
import { summedConcatenations } from "./summed-concatenations.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;
const canonical = passesBefore(summedConcatenations);

describe("summed concatenations", () => {
  test("the parts of a GRU's recurrent kernel have their gradients put together once", () => {
    const { graph, inputs } = traceLayer(tf, tf.layers.gru({ units: 4 }), [2, 5, 3]);
    const before = applyPasses(graph, canonical);
    const after = expectSameNumbers(tensorflow, before, inputs, [summedConcatenations]);
    expect(countOps(before, "ConcatV2")[0]! - countOps(after, "ConcatV2")[0]!).toBe(4);
  });

  const inputs = inputsOf({ a: [2, 3], b: [2, 3], c: [2, 2], d: [2, 2], e: [2, 5] });
  test("other terms stay", () => {
    const graph = traceFunction(tf, inputs, ({ a, b, c, d, e }) => ({
      y: a!
        .concat(c!, 1)
        .add(e!)
        .add(b!.concat(d!, 1))
        .add(e!.concat(e!, 0).slice([1, 0], [2, 5])),
    }));
    const after = expectSameNumbers(tensorflow, graph, inputs, [summedConcatenations]);
    expect(countOps(after, "ConcatV2")).toEqual([2]);
  });

  test("leaves parts that differ, and what something else needs", () => {
    const graph = traceFunction(tf, inputs, ({ a, b, c, d }) => {
      const kept = a!.concat(c!, 1);
      return { y: a!.concat(c!, 1).add(d!.concat(b!, 1)), z: kept.add(b!.concat(d!, 1)), kept: kept.square() };
    });
    expect(opsOf(summedConcatenations.run(graph))).toEqual(opsOf(graph));
  });
});
