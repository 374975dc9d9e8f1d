import fc from "fast-check";
import { attribute } from "../../attributes.ts";
import type { Dtype } from "../../types.ts";
import { alike, boolean, type CallFamily, float, optional, shapeOf, size } from "./arbitraries.ts";
import { int, ints, tensor } from "./call.ts";

const key = tensor([2], "int32", [5, 7]);
const shapes = shapeOf(0, 4, fc.integer({ min: 0, max: 3 }));
const scalars = (values: readonly number[]) => values.map((value) => tensor([], "int32", [value]));

export const randomCalls: CallFamily = {
  ...alike(
    ["StatelessRandomNormal", "StatelessRandomUniform", "StatelessTruncatedNormal"],
    fc.tuple(shapes, float).map(([shape, dtype]) => ({
      inputs: [ints(shape), key],
      attributes: optional({ dtype: attribute.type(dtype) }, dtype === "float32"),
    })),
  ),
  ...alike(
    ["StatelessRandomUniformInt"],
    shapes.map((shape) => ({
      inputs: [ints(shape), key, ...scalars([2, 9])],
      attributes: { dtype: attribute.type("int32") },
    })),
  ),
  ...alike(
    ["StatelessRandomGammaV2"],
    shapes.map((shape) => ({
      inputs: [ints(shape), key, tensor(shape)],
      attributes: { dtype: attribute.type("float32") },
    })),
  ),
  ...alike(
    ["StatelessMultinomial"],
    fc
      .tuple(shapeOf(2, 2), size, fc.constantFrom<Dtype>("int32", "int64"), boolean)
      .map(([shape, numSamples, dtype, isDefault]) => ({
        inputs: [tensor(shape), int(numSamples), key],
        attributes: optional({ output_dtype: attribute.type(dtype) }, isDefault),
      })),
  ),
};
