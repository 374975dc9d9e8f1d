import { expect, test } from "vitest";
import { validateTraining } from "./validate.ts";

const options = { epochs: 1, batchSize: 2 };

test("files that a recipe asks for get their defaults", () => {
  expect(validateTraining(options).exports).toEqual([]);
  const { exports } = validateTraining({ ...options, exports: [{}, { precision: "int8", maxDrop: 0.5 }] });
  expect(exports).toMatchObject([
    { format: "onnx", precision: "float32", maxDrop: null },
    { format: "onnx", precision: "int8", calibration: "minmax", maxDrop: 0.5 },
  ]);
});

test.each([
  ["a format that there is not", [{ format: "coreml" as "onnx" }], /exports\[0\]\.format/],
  ["a number out of range", [{}, { precision: "int8" as const, maxDrop: -1 }], /exports\[1\]\.maxDrop/],
  ["the same twice", [{}, { heldOutSamples: 64 }], /of their own/],
])("%s is refused before anything is trained", (_name, exports, problem) => {
  expect(() => validateTraining({ ...options, exports })).toThrow(problem);
});
