/** A size of a tensor: fixed, or so many for each sample of the batch. */
export type Dim = number | BatchDim;

/** A size that grows with the batch. */
export interface BatchDim {
  readonly perSample: number;
}

export function isFixed(dim: Dim): dim is number {
  return typeof dim === "number";
}

/** The fixed sizes of a shape; null where one grows with the batch. */
export function fixedShape(dims: readonly Dim[]): readonly number[] | null {
  return dims.every(isFixed) ? dims : null;
}
