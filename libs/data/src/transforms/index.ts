import type { Json } from "@anneal/contracts";
import type { TransformReference } from "../transform.ts";
import type { AffineOptions } from "./affine.ts";
import type { CropOptions, RandomCropOptions } from "./crop.ts";
import type { FillMissingOptions } from "./fill-missing.ts";
import type { FlipOptions } from "./flip.ts";
import type { MaskOptions } from "./mask.ts";
import type { NormaliseOptions } from "./normalise.ts";
import type { OneHotOptions } from "./one-hot.ts";
import type { PadToOptions } from "./pad-to.ts";
import type { ResizeOptions } from "./resize.ts";
import type { ShiftOptions } from "./shift.ts";
import type { StandardiseOptions } from "./standardise.ts";
import type { TokeniseOptions } from "./tokenise.ts";

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

/** Images [height, width, channels] in another size, bilinear. Output float32. */
export function resize(options: ResizeOptions): TransformReference {
  return reference("./resize.ts", "createResize", options);
}

/** The middle of images [height, width, channels]. Keeps the dtype. Refused: a part larger than the image. */
export function crop(options: CropOptions): TransformReference {
  return reference("./crop.ts", "createCrop", options);
}

/** A part of images [height, width, channels] at a place by chance, `padding` pixels of `fill` around them first. Keeps the dtype. */
export function randomCrop(options: RandomCropOptions): TransformReference {
  return reference("./crop.ts", "createRandomCrop", options);
}

/** Mirrors images [height, width, channels] by chance: half of them left to right; with `vertical` half of them upside down. */
export function flip(options: FlipOptions = {}): TransformReference {
  return reference("./flip.ts", "createFlip", options);
}

/**
 * (x - mean) / std for each number of the last dimension (a column of a table's rows, a channel of images), or for those given: mean and
 * deviation are learned from the training samples. What is missing (NaN) stays so. Output float32 of the same shape.
 */
export function standardise(options: StandardiseOptions = {}): TransformReference {
  return learning(reference("./standardise.ts", "createStandardise", options), "learnStandardise");
}

/**
 * What is missing (NaN) as the column's mean, its most frequent value, both learned from the training samples, or a number. Output float32 of the
 * same shape.
 */
export function fillMissing(options: FillMissingOptions): TransformReference {
  return learning(reference("./fill-missing.ts", "createFillMissing", options), "learnFillMissing");
}

/**
 * Columns of categories (codes from 0) as a number for each category, which are learned from the training samples. What is missing, and
 * a category that they do not have, is 0 everywhere. Output float32.
 */
export function oneHot(options: OneHotOptions): TransformReference {
  return learning(reference("./one-hot.ts", "createOneHot", options), "learnOneHot");
}

/**
 * Texts (uint8[?], UTF-8) as numbers of tokens, int32[?]: 0 is kept for what samples are filled up with (`padTo`), 1 is what the
 * vocabulary does not have, which is learned from the training samples.
 */
export function tokenise(options: TokeniseOptions = {}): TransformReference {
  return learning(reference("./tokenise.ts", "createTokenise", options), "learnTokenise");
}

/** A share of a sample's elements as `value` (default 1), by chance, each on its own; those that are `keep` (default 0) stay. */
export function mask(options: MaskOptions): TransformReference {
  return reference("./mask.ts", "createMask", options);
}

function learning(transform: TransformReference, learner: string): TransformReference {
  return { ...transform, fit: learner };
}

function reference(module: string, exportName: string, options: object): TransformReference {
  return { module: new URL(module, import.meta.url).href, exportName, options: options as Json };
}
