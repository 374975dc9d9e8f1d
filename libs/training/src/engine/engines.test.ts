import { afterEach, expect, test } from "vitest";
import { testTensorflow } from "../test-support/tensorflow.ts";
import { tinyBatch, tinyOptions } from "../test-support/tiny.ts";
import { CompiledEngine } from "./compiled-engine.ts";
import { EagerEngine } from "./eager-engine.ts";

const tf = testTensorflow();
const eager = new EagerEngine(tf);
const compiled = new CompiledEngine(tf);
afterEach(() => {
  eager.dispose();
  compiled.dispose();
});

test("the compiled engine takes the eager engine's steps within rounding", () => {
  eager.prepare(tinyOptions());
  const losses = (engine: EagerEngine | CompiledEngine) => {
    return Array.from(
      { length: 20 },
      (_, step) => engine.trainBatch(tinyBatch(step), { step, learningRate: 0.01 }).sums.loss!,
    );
  };
  const expected = losses(eager);
  eager.dispose();
  compiled.prepare(tinyOptions());
  const actual = losses(compiled);
  console.log(expected, actual);
  actual.forEach((loss, step) => {
    expect(Math.abs(loss - expected[step]!)).toBeLessThan(1e-3 * Math.abs(expected[step]!));
  });
});
