import type { Tensor, Tensor2D } from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { testTensorflow } from "../test-support/run-graph.ts";
import { runCompiledOnly } from "./both-ways.ts";
import { float, int } from "./inputs.ts";
import { unsupportedFunctions, unsupportedLayers } from "./unsupported.ts";

const tensorflow = testTensorflow();
const { tf } = tensorflow;

/** Calls of functions and layers on the lists that return at once: each has to be refused, for the reason that is given. */
const refused: Readonly<Record<string, (x: Tensor) => unknown>> = {
  complex: (x) => tf.real(tf.complex(x, x)),
  "image.nonMaxSuppression": (x) => tf.image.nonMaxSuppression(x as Tensor2D, tf.ones([3]), 2),
  print: (x) => tf.print(x),
  rfft: (x) => tf.real(tf.spectral.rfft(x)),
  "signal.stft": (x) => tf.real(tf.signal.stft(x.flatten(), 4, 2)),
  unique: (x) => tf.unique(x.flatten()).values,
  CategoryEncoding: (x) => tf.layers.categoryEncoding({ numTokens: 5, outputMode: "multiHot" }).apply(x.toInt()),
  RandomWidth: (x) => tf.layers.randomWidth({ factor: 0.5 } as never).apply(x.reshape([1, 3, 4, 1])),
};

test.each(Object.entries(refused))("%s is refused", (name, call) => {
  expect({ ...unsupportedFunctions, ...unsupportedLayers }).toHaveProperty([name]);
  const run = () => runCompiledOnly(tensorflow, { inputs: [float([3, 4])], run: ([x]) => ({ y: call(x!) as Tensor }) });
  expect(run).toThrowError(expect.objectContaining({ code: "TRACE_UNSUPPORTED" }));
});

test("what is not refused runs", () => {
  expect(() => runCompiledOnly(tensorflow, { inputs: [int([3], 2)], run: ([x]) => ({ y: x!.add(x!) }) })).not.toThrow();
});
