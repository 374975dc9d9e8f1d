/** What pipelines are compared on: where samples come from, what happens to each, and how they are consumed. */
export interface DataWorkload {
  readonly name: DataWorkloadName;
  /** In rows. */
  readonly title: string;
  readonly batchSize: number;
  /** Samples of an epoch, all of them used: the last batch may be smaller. */
  readonly numSamples: { readonly full: number; readonly quick: number };
  /** What a batch takes a consumer that is no pipeline's fault, in ms: about a step of a small model in `bench step`. */
  readonly consumeMs: number;
  /** How far the peers' inputs may be from ours: in the mean, and relatively in the spread. */
  readonly bounds: { readonly mean: number; readonly spread: number };
}

export const dataWorkloadNames = ["jpeg", "csv", "mnist"] as const;
export type DataWorkloadName = (typeof dataWorkloadNames)[number];

/** Every subject resizes to this, then cuts a part out at random. */
export const imageSize = { resized: 144, cropped: 128 } as const;

/** Of each channel, after division by 255: the constants that ImageNet's models are trained with. */
export const imageStatistics = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/** How far digits are rotated and shifted, both ways; what comes in is black. */
export const digitAffine = { maxDegrees: 10, maxPixels: 2 } as const;
export const digitStatistics = { mean: 0.1307, std: 0.3081 } as const;

export const dataWorkloads: readonly DataWorkload[] = [
  {
    name: "jpeg",
    title: "JPEG folder, batch 64",
    batchSize: 64,
    numSamples: { full: 6_000, quick: 80 },
    consumeMs: 200,
    // Their resizings differ in how much they smooth.
    bounds: { mean: 0.03, spread: 0.05 },
  },
  {
    name: "csv",
    title: "CSV of 12 columns, batch 1024",
    batchSize: 1_024,
    numSamples: { full: 2_000_000, quick: 1_500 },
    consumeMs: 4,
    bounds: { mean: 0.001, spread: 0.001 },
  },
  {
    name: "mnist",
    title: "MNIST rotated and shifted, batch 128",
    batchSize: 128,
    numSamples: { full: 60_000, quick: 400 },
    consumeMs: 23,
    bounds: { mean: 0.01, spread: 0.03 },
  },
];
