import type { Json } from "@anneal/contracts";
import type { TransformReference } from "../transform.ts";
import type { AffineOptions } from "./affine.ts";
import type { NormaliseOptions } from "./normalise.ts";
import type { PadToOptions } from "./pad-to.ts";
import type { ShiftOptions } from "./shift.ts";

// What a transform refuses shows when a run opens its data, before step 1: `TRANSFORM_FAILED` with the reason.

/**
 * (x * scale - mean) / std for inputs of any shape and dtype; output float32 of the same shape. `mean` and `std` are numbers,
 * or one for each channel (last axis). Refused: another number of them, a `std` of 0.
 */
export function normalise(options: NormaliseOptions): TransformReference {
  return reference("./normalise.ts", "createNormalise", options);
}

/**
 * Shifts images [height, width, channels] by up to `maxPixels` whole pixels along each axis, both ways; what comes in has the
 * value `fill` (default 0). Keeps shape and dtype. Refused: other shapes, a `maxPixels` that is no integer from 0.
 */
export function shift(options: ShiftOptions): TransformReference {
  return reference("./shift.ts", "createShift", options);
}

/**
 * Rotates images [height, width, channels] by up to `maxDegrees` both ways around their centre, bilinear; what comes in has the
 * value `fill` (default 0). Output float32 of the same shape. Refused: other shapes, a negative `maxDegrees`.
 */
export function rotate(options: { readonly maxDegrees: number; readonly fill?: number }): TransformReference {
  return reference("./affine.ts", "createAffine", options);
}

/**
 * Rotates by up to `maxDegrees` and shifts by up to `maxPixels` (fractions too) in one resampling: sharper than `rotate` after
 * `shift`, and it costs no more than `rotate`. Shapes, dtypes and refusals as those of `rotate`.
 */
export function rotateAndShift(options: AffineOptions): TransformReference {
  return reference("./affine.ts", "createAffine", options);
}

/**
 * Samples that differ in length as ones of `length`: cut, or filled up with `value` (default 0). Keeps the dtype. Refused: scalars.
 */
export function padTo(options: PadToOptions): TransformReference {
  return reference("./pad-to.ts", "createPadTo", options);
}

function reference(module: string, exportName: string, options: object): TransformReference {
  return { module: new URL(module, import.meta.url).href, exportName, options: options as Json };
}
