/** The smallest and the largest number that a format has to hold. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

/** Whole numbers stand for `(whole - zeroPoint) * scale` (Jacob et al. 2018, "Quantization and Training of Neural Networks"). */
export interface AffineFormat {
  /** A float32. */
  readonly scale: number;
  readonly zeroPoint: number;
}

/** The whole numbers of a format, both ends included. */
export interface WholeRange {
  readonly lowest: number;
  readonly highest: number;
}

const uint8Range: WholeRange = { lowest: 0, highest: 255 };

/** Float32 has no scale that is much smaller, and nothing that is this close to zero matters. */
const leastSize = 1e-30;

/** The format that holds a range. Zero, which padding and activations give, is always held as it is. */
export function affineFormatOf({ min, max }: ValueRange, { lowest, highest }: WholeRange = uint8Range): AffineFormat {
  const [from, to] = [Math.min(0, min), Math.max(0, max)];
  if (!(to - from >= leastSize)) return { scale: 1, zeroPoint: lowest };
  const scale = Math.fround((to - from) / (highest - lowest));
  const zeroPoint = Math.round(lowest - from / scale);
  return { scale, zeroPoint: Math.max(lowest, Math.min(highest, zeroPoint)) };
}

/** The whole number that stands for a value; values outside of the range are brought to its ends. */
export function toWhole(
  value: number,
  { scale, zeroPoint }: AffineFormat,
  { lowest, highest }: WholeRange = uint8Range,
): number {
  return Math.max(lowest, Math.min(highest, Math.round(value / scale) + zeroPoint));
}

export function fromWhole(whole: number, { scale, zeroPoint }: AffineFormat): number {
  return (whole - zeroPoint) * scale;
}
