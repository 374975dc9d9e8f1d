import { datasetCorrupt } from "../errors.ts";
import { dtypeOf, numElements, type TypedArray } from "../fields.ts";
import { classLabels, memorySource } from "./memory-source.ts";

/** Samples that are in memory already, one after another in each array; shapes are those of one sample. */
export interface ArraysDeclaration {
  readonly kind: "arrays";
  /** Over shared memory. */
  readonly inputs: TypedArray;
  readonly inputShape: readonly number[];
  readonly labels: TypedArray;
  readonly labelShape: readonly number[];
  /** Null for targets that are no classes. */
  readonly numClasses: number | null;
}

/** Throws `DATASET_CORRUPT`, `LABEL_OUT_OF_RANGE`. */
export async function openArrays({ inputs, inputShape, labels, labelShape, numClasses }: ArraysDeclaration) {
  const numSamples = countSamples("inputs", inputs.length, inputShape);
  const numLabels = countSamples("labels", labels.length, numClasses === null ? labelShape : []);
  if (numLabels !== numSamples) throw datasetCorrupt("arrays", "number of labels", numSamples, numLabels);
  const isClasses = numClasses !== null;
  return memorySource({
    numSamples,
    numClasses,
    inputs,
    labels: isClasses ? classLabels(labels, numClasses, "arrays") : labels,
    inputField: { shape: inputShape, dtype: dtypeOf(inputs) },
    labelField: isClasses ? { shape: [], dtype: "int32" } : { shape: labelShape, dtype: dtypeOf(labels) },
    place: "arrays",
  });
}

function countSamples(name: string, length: number, shape: readonly number[]): number {
  const perSample = numElements(shape);
  if (perSample === 0 || length % perSample !== 0) {
    throw datasetCorrupt(
      "arrays",
      `length of ${name}`,
      `a multiple of ${perSample} (shape [${shape.join(",")}])`,
      length,
    );
  }
  return length / perSample;
}
