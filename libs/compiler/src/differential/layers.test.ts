import { describe, expect, test } from "vitest";
import { expectAgreement } from "../test-support/agreement.ts";
import { testTensorflow } from "../test-support/run-graph.ts";
import { runBothWays } from "./both-ways.ts";
import type { Layer } from "./layers/case.ts";
import { layerCases } from "./layers/index.ts";
import { buildLayer, layerSubject } from "./subjects.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;

describe.each(Object.entries(layerCases))("%s", (className, cases) => {
  test.each(cases.map((each, index) => [index, each] as const))("case %i", (_index, each) => {
    const layer = buildLayer(tf, each);
    expect(classesOf(layer)).toContain(className);
    for (const training of [false, true]) {
      const comparison = runBothWays(tensorflow, layerSubject(tf, layer, each, training));
      const differentiated = Object.keys(comparison.eager).filter((name) => name.startsWith("gradient by weight"));
      expect(differentiated).toHaveLength(each.gradients === "none" ? 0 : layer.trainableWeights.length);
      expectAgreement(comparison);
    }
    tf.dispose(layer.weights.map((weight) => weight.read()));
  });
});

/** Classes of a layer and of what is in it. */
function classesOf(layer: Layer): readonly string[] {
  const {
    layers,
    layer: wrapped,
    forwardLayer,
    cell,
    cells,
  } = layer as unknown as Readonly<Record<"layer" | "forwardLayer" | "cell", Layer | undefined>> & {
    readonly layers?: Layer[];
    readonly cells?: Layer[];
  };
  const inner = [...(layers ?? []), wrapped, forwardLayer, cell, ...(cells ?? [])].filter((each) => each !== undefined);
  return [layer.getClassName(), ...inner.flatMap(classesOf)];
}
