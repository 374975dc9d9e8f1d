import { afterEach, describe, expect, test } from "vitest";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyOptions } from "../test-support/tiny.ts";
import { createEngine } from "./create-engine.ts";
import type { EngineOptions } from "./step-engine.ts";

const tf = testTensorflow();

describe("the eager engine", () => {
  const engine = createEngine.eager(tf);
  afterEach(() => engine.dispose());

  test.each<[string, Partial<EngineOptions>]>([
    ["precision", { precision: "bfloat16" }],
    ["layerPrecision", { layerPrecision: { stem: "float16" } }],
    ["recomputeSegments", { recomputeSegments: 2 }],
  ])("refuses %s, which takes a graph", (option, changes) => {
    expect(() => engine.prepare(tinyOptions(changes))).toThrowError(
      expect.objectContaining({
        code: "POLICY_UNSUPPORTED",
        remedy: expect.stringContaining('engine: "compiled"'),
        facts: expect.objectContaining({ engine: "eager", option }),
      }),
    );
  });

  test("takes what asks for nothing", () => {
    const plain = { precision: "float32", layerPrecision: { "dense*": "float32" }, recomputeSegments: 1 } as const;
    engine.prepare(tinyOptions(plain));
  });
});

test.each(["compiled", "eager"] as const)("the %s engine knows a layer that is not the model's", (name) => {
  const engine = createEngine[name](tf);
  expect(() => engine.prepare(tinyOptions({ layerPrecision: { stemm: "float32" } }))).toThrowError(
    expect.objectContaining({ code: "RECIPE_INVALID", remedy: expect.stringContaining('Did you mean "stem"?') }),
  );
  engine.dispose();
});
