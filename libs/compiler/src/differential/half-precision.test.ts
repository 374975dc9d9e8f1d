import { describe, expect, test } from "vitest";
import { pipelineOf } from "../lowerings/lowerings.ts";
import type { Pass } from "../passes/pass.ts";
import { runPasses } from "../passes/run-passes.ts";
import { freeCosts } from "../test-support/free-costs.ts";
import { testTensorflow } from "../test-support/run-graph.ts";
import { type Subject, traceOnce } from "./both-ways.ts";
import { layerCases } from "./layers/index.ts";
import { opCases } from "./ops/index.ts";
import { buildLayer, layerSubject, opSubject } from "./subjects.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;

/**
 * Root of the mean square of what 16-bit floats change, relative to that of the values. A value that is rounded is off by 2^-9 of
 * itself in bfloat16 and 2^-12 in float16, or a little less; a few of them follow each other, and a derivative that is zero on one
 * side of a place and not on the other makes more of it.
 */
const bounds = { bfloat16: 2 ** -5, float16: 2 ** -8 } as const;
type Half = keyof typeof bounds;

const without = ["unclip-cross-entropy"];
const float32 = pipelineOf({ lowering: "graph", without });

function passesFor(dtype: Half): readonly Pass[] {
  return pipelineOf({ lowering: "graph", without, formats: [{ dtype, costs: freeCosts, allows: () => true }] });
}

/** Whether anything of the subject is computed in 16 bits: if so, with what error. */
function compare(subject: Subject, dtype: Half): boolean {
  const passes = passesFor(dtype);
  const { graph, run } = traceOnce(tensorflow, subject);
  const { nodes } = runPasses(graph, passes).graph;
  if (!nodes.some(({ op, outputs }) => op !== "Cast" && outputs[0]?.dtype === dtype)) return false;
  const [plain, half] = [run(float32), run(passes)];
  for (const [name, { values, dtype: type }] of Object.entries(plain)) {
    expect(half[name]!.dtype).toBe(type);
    expect(relativeError(half[name]!.values, values), name).toBeLessThan(bounds[dtype]);
  }
  return true;
}

/** At least as small as values around 0.01 would have it: differences of a gradient that is all zeros say nothing. */
function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const meanSquare = (value: (index: number) => number) =>
    Array.from({ length: b.length }, (_, index) => value(index) ** 2).reduce((sum, each) => sum + each, 0) / b.length;
  if (b.length === 0) return 0;
  const difference = meanSquare((index) => (Object.is(a[index], b[index]) ? 0 : a[index]! - b[index]!));
  return Math.sqrt(
    difference /
      Math.max(
        meanSquare((index) => b[index]!),
        1e-4,
      ),
  );
}

describe.each(["bfloat16", "float16"] as const)("in %s", (dtype) => {
  let numPaintedCases = 0;

  test.each(Object.entries(opCases))("%s", (_name, cases) => {
    for (const each of cases) if (compare(opSubject(tf, each), dtype)) numPaintedCases++;
  });

  test("products and convolutions were computed in it", () => {
    expect(numPaintedCases).toBeGreaterThan(20);
  });
});

test.each(Object.entries(layerCases))("layer %s in bfloat16", (_name, cases) => {
  for (const each of cases) {
    const layer = buildLayer(tf, each);
    compare(layerSubject(tf, layer, each, true), "bfloat16");
    tf.dispose(layer.weights.map((weight) => weight.read()));
  }
});
