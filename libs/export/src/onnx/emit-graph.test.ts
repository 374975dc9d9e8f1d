import {
  attribute,
  intVector,
  makeGraph,
  makeValue,
  placeholder,
  readVariable,
  simpleCall,
  transpose,
  type Value,
  variableHandle,
} from "@anneal/graph";
import { describe, expect, test } from "vitest";
import { fixedDims } from "../model/align-batch.ts";
import type { PredictModel } from "../model/predict-model.ts";
import { emitOnnx } from "./emit-graph.ts";

const images = placeholder("images", { dtype: "float32", shape: [2, 5, 5, 3] });

function modelOf(output: Value): PredictModel {
  const values = new Float32Array(3 * 3 * 3 * 3).map((_, index) => index);
  return {
    graph: makeGraph({ outputs: output }),
    inputs: [{ name: "images", value: images }],
    outputs: [{ name: "outputs", value: output }],
    weights: new Map([["filter", { type: filterType, read: () => values }]]),
    dims: fixedDims(),
    fixedBatch: null,
  };
}

const filterType = { dtype: "float32", shape: [3, 3, 3, 3] } as const;
const filter = readVariable(variableHandle("filter", filterType), filterType);

function convolve(input: Value): Value {
  const attributes = { strides: attribute.ints([1, 1, 1, 1]), padding: attribute.string("SAME") };
  return makeValue("Conv2D", [input, filter], attributes, { scope: "stem" });
}

const opsOf = (output: Value) => emitOnnx(modelOf(output)).graph.nodes.map(({ op }) => op);

describe("layouts", () => {
  test("images are transposed once on the way in and once on the way out, whatever lies between", () => {
    const first = convolve(images);
    const sum = simpleCall("AddV2", [simpleCall("Relu", [convolve(first)]), first]);
    expect(opsOf(convolve(sum))).toEqual(["Transpose", "Conv", "Conv", "Relu", "Add", "Conv", "Transpose"]);
  });

  test("a transpose that undoes another leaves nothing behind", () => {
    const there = transpose(images, [0, 2, 1, 3]);
    expect(opsOf(simpleCall("Relu", [transpose(there, [0, 2, 1, 3])]))).toEqual(["Relu"]);
  });

  test("a weight is written once in each order that is needed, transposed", () => {
    const { initializers } = emitOnnx(modelOf(convolve(convolve(images)))).graph;
    expect(initializers.map(({ name, shape }) => [name, shape])).toEqual([["filter", [3, 3, 3, 3]]]);
    const written = new Float32Array(initializers[0]!.read().slice().buffer);
    // Of output channel 0, input channel 0 at the first places of the window.
    expect([...written.subarray(0, 3)]).toEqual([0, 9, 18]);
  });
});

test("ops without a row are named with their layers, all of them, before anything is written", () => {
  const boxes = placeholder("boxes", { dtype: "float32", shape: [1, 4] });
  const indices = placeholder("indices", { dtype: "int32", shape: [1] });
  const crop = (scope: string) =>
    makeValue("CropAndResize", [images, boxes, indices, intVector([2, 2])], {}, { scope });
  const output = simpleCall("AddV2", [crop("head"), crop("tail")]);
  expect(() => emitOnnx(modelOf(output))).toThrow(
    expect.objectContaining({
      code: "EXPORT_UNSUPPORTED",
      message: expect.stringMatching(/CropAndResize \(head\), CropAndResize \(tail\).*boxes out of images/s),
      facts: { format: "ONNX", op: "CropAndResize", layer: "head" },
    }),
  );
});
