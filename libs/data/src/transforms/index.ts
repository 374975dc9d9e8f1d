import type { Json } from "@anneal/contracts";
import type { TransformReference } from "../transform.ts";
import type { AffineOptions } from "./affine.ts";
import type { NormaliseOptions } from "./normalise.ts";
import type { ShiftOptions } from "./shift.ts";

/** (x * scale - mean) / std as float32; `mean` and `std` are numbers, or one for each channel. */
export function normalise(options: NormaliseOptions): TransformReference {
  return reference("./normalise.ts", "createNormalise", options);
}

/** Shifts images by up to `maxPixels` whole pixels along each axis. Keeps the dtype. */
export function shift(options: ShiftOptions): TransformReference {
  return reference("./shift.ts", "createShift", options);
}

/** Rotates images by up to `maxDegrees` around their centre, bilinear. Output float32. */
export function rotate(options: { readonly maxDegrees: number; readonly fill?: number }): TransformReference {
  return reference("./affine.ts", "createAffine", options);
}

/** Rotates and shifts in one resampling: sharper than `rotate` after `shift`, and it costs no more than `rotate`. */
export function rotateAndShift(options: AffineOptions): TransformReference {
  return reference("./affine.ts", "createAffine", options);
}

function reference(module: string, exportName: string, options: object): TransformReference {
  return { module: new URL(module, import.meta.url).href, exportName, options: options as Json };
}
