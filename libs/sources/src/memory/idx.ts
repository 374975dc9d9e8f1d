import { datasetCorrupt } from "../errors.ts";
import { readIdxFile } from "./idx-file.ts";
import { classLabels, memorySource } from "./memory-source.ts";

/** Images and labels from a pair of IDX files. */
export interface IdxDeclaration {
  readonly kind: "idx";
  /** Absolute paths of the IDX files. */
  readonly images: string;
  readonly labels: string;
  /** Bounds the labels; null leaves them unchecked. */
  readonly numClasses: number | null;
}

/** Throws `DATASET_NOT_FOUND`, `DATASET_CORRUPT`, `LABEL_OUT_OF_RANGE`. */
export async function openIdx({ images, labels, numClasses }: IdxDeclaration) {
  const [imageFile, labelFile] = await Promise.all([readIdxFile(images, null), readIdxFile(labels, 1)]);
  const [numSamples = 0, ...dimensions] = imageFile.dimensions;
  if (labelFile.data.length !== numSamples) {
    throw datasetCorrupt(labels, "number of labels", `${numSamples} (as many as images)`, labelFile.data.length);
  }
  return memorySource({
    numSamples,
    numClasses,
    inputs: imageFile.data,
    labels: classLabels(labelFile.data, numClasses, labels),
    inputField: { shape: dimensions.length === 2 ? [...dimensions, 1] : dimensions, dtype: "uint8" },
    labelField: { shape: [], dtype: "int32" },
    place: images,
  });
}
