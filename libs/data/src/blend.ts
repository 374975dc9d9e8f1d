import { AnnealError } from "@anneal/contracts";
import { type FieldSpec, formatField, RandomStream, type TypedArray } from "@anneal/sources";

/**
 * Training samples blended with a partner of theirs: `mixup` adds the two up (Zhang et al. 2018, arXiv 1710.09412), `cutmix` puts a rectangle of
 * the other image into the one (Yun et al. 2019, arXiv 1905.04899). Labels are blended by the same share.
 */
export interface Blend {
  readonly kind: "mixup" | "cutmix";
  /** The share is drawn from Beta(alpha, alpha): 0 < alpha <= 1, which is uniform for 1. */
  readonly alpha: number;
}

/** What becomes of one sample and its partner: a function of (seed, epoch, position). */
export interface BlendDraw {
  /** Place of the partner, among `numPlaces`. */
  readonly place: number;
  /** Share (0..1) of the sample itself. */
  readonly share: number;
  /** Where a rectangle lies, as shares of height and width. */
  readonly centre: readonly [number, number];
}

export function drawBlend(
  { alpha }: Blend,
  place: { readonly seed: number; readonly epoch: number; readonly position: number; readonly numPlaces: number },
): BlendDraw {
  const { seed, epoch, position, numPlaces } = place;
  const random = new RandomStream("partner", seed, epoch, position);
  const partner = random.integerBelow(numPlaces);
  return { place: partner, centre: [random.uniform(), random.uniform()], share: drawShare(random, alpha) };
}

/** Beta(alpha, alpha) by Jöhnk's method (Metrika 8, 1964), which accepts most draws where alpha is at most 1. */
function drawShare(random: RandomStream, alpha: number): number {
  for (;;) {
    const [x, y] = [random.uniform() ** (1 / alpha), random.uniform() ** (1 / alpha)];
    if (x + y > 0 && x + y <= 1) return x / (x + y);
  }
}

/** Blends `other` into `target`. Returns the share of the sample itself that is left. */
export function blendInputs(
  { kind }: Blend,
  { share, centre }: BlendDraw,
  target: TypedArray,
  other: TypedArray,
  { shape }: FieldSpec,
): number {
  if (kind === "mixup") {
    for (let i = 0; i < target.length; i++) target[i] = share * target[i]! + (1 - share) * other[i]!;
    return share;
  }
  const [height, width, channels] = shape as readonly [number, number, number];
  const side = Math.sqrt(1 - share);
  const [top, bottom] = spanOf(centre[0], side, height);
  const [left, right] = spanOf(centre[1], side, width);
  for (let y = top; y < bottom; y++) {
    const row = y * width * channels;
    target.set(other.subarray(row + left * channels, row + right * channels), row + left * channels);
  }
  // What lies beyond the border is not covered.
  return 1 - ((bottom - top) * (right - left)) / (height * width);
}

function spanOf(centre: number, side: number, size: number): readonly [number, number] {
  const half = (side * size) / 2;
  return [Math.max(0, Math.round(centre * size - half)), Math.min(size, Math.round(centre * size + half))];
}

/** Labels that are classes as shares of each class: float32[numClasses]. */
export function softField(numClasses: number): FieldSpec {
  return { shape: [numClasses], dtype: "float32" };
}

/** Throws `SHAPE_MISMATCH` for samples that cannot be blended. */
export function requireBlendable(
  { kind }: Blend,
  {
    inputs,
    labels,
    numClasses,
  }: { readonly inputs: FieldSpec; readonly labels: FieldSpec; readonly numClasses: number | null },
): void {
  const wrong =
    numClasses === null || labels.shape.length > 0
      ? `labels that are classes, not ${formatField(labels)}`
      : kind === "mixup" && inputs.dtype !== "float32"
        ? `float32 inputs, not ${formatField(inputs)}`
        : kind === "cutmix" && inputs.shape.length !== 3
          ? `images [height, width, channels], not ${formatField(inputs)}`
          : null;
  if (wrong === null) return;
  throw new AnnealError(
    "SHAPE_MISMATCH",
    `${kind} needs ${wrong}.`,
    "Give the data a transform that makes them so, such as normalise().",
    { kind, inputs: formatField(inputs), labels: formatField(labels) },
  );
}
