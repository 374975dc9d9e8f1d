import fc from "fast-check";
import { attribute } from "../../attributes.ts";
import type { Dtype } from "../../types.ts";
import { alike, attributes, boolean, type CallFamily, shapeOf, size } from "./arbitraries.ts";
import { indices, ints, tensor } from "./call.ts";

const images = shapeOf(4, 4);
const sizes = fc.tuple(size, size);
const corners = boolean.map((align_corners) => attributes({ align_corners }));
const pixel = fc.constantFrom<Dtype>("float32", "bfloat16", "uint8", "int32");

export const imageCalls: CallFamily = {
  ...alike(
    ["ResizeBilinear", "ResizeNearestNeighbor"],
    fc.tuple(images, sizes, pixel, boolean, boolean).map(([shape, target, dtype, isAligned, isHalf]) => ({
      inputs: [tensor(shape, dtype), ints(target)],
      attributes: attributes({ align_corners: isAligned, half_pixel_centers: isHalf && !isAligned }),
    })),
  ),
  ...alike(
    ["ResizeBilinearGrad"],
    fc.tuple(images, sizes, corners).map(([shape, [height, width], given]) => ({
      inputs: [tensor([shape[0]!, height, width, shape[3]!]), tensor(shape)],
      attributes: given,
    })),
  ),
  ...alike(
    ["ResizeNearestNeighborGrad"],
    fc
      .tuple(images, sizes, corners)
      .map(([shape, target, given]) => ({ inputs: [tensor(shape), ints(target)], attributes: given })),
  ),
  ...alike(
    ["CropAndResize"],
    fc
      .tuple(images, fc.nat(3), sizes, fc.constantFrom<Dtype>("float32", "uint8", "int32"))
      .map(([shape, numBoxes, target, dtype]) => ({
        inputs: [tensor(shape, dtype), tensor([numBoxes, 4]), indices([numBoxes], shape[0]!), ints(target)],
        attributes: { method: attribute.string("bilinear"), extrapolation_value: attribute.float(0) },
      })),
  ),
};
