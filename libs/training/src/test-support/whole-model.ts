import { type FieldSpec, numElements, type TypedArray } from "@anneal/data";
import type { Batch } from "../engine/step-engine.ts";
import type { Model } from "../recipe/define.ts";
import type { Loss } from "../recipe/losses.ts";

/** A small model of a kind that people train, and the data that it takes. */
export interface WholeModel {
  readonly inputs: FieldSpec;
  /** Whole numbers of inputs are below this: words of a vocabulary. */
  readonly numWords?: number;
  readonly labels: FieldSpec;
  readonly numClasses: number | null;
  readonly loss: Loss;
  readonly model: () => Model;
}

export const classes = { labels: { shape: [], dtype: "int32" }, numClasses: 3, loss: "softmaxCrossEntropy" } as const;

/** A batch that is a function of its number: patterns that a model can learn. */
export function batchFor(
  { inputs, labels, numClasses, numWords = 8 }: WholeModel,
  number: number,
  numSamples: number,
): Batch {
  const at = (sample: number, index: number) =>
    Math.sin((index + 1) * ((sample % 3) + 1) * 0.7 + number * 0.37 + sample * 0.11);
  const fill = ({ shape, dtype }: FieldSpec, limit: number): TypedArray => {
    const size = numElements(shape);
    const whole = (value: number) => Math.floor(((value + 1) / 2) * limit * 0.999);
    const values = Array.from({ length: numSamples * size }, (_, index) => at(Math.floor(index / size), index % size));
    if (dtype === "float32") return Float32Array.from(values);
    return dtype === "int32" ? Int32Array.from(values, whole) : Uint8Array.from(values, whole);
  };
  const ofClasses = () => Int32Array.from({ length: numSamples }, (_, sample) => sample % numClasses!);
  return {
    numSamples,
    inputs: fill(inputs, inputs.dtype === "uint8" ? 256 : numWords),
    // Of numbers: between 0 and 1, as sigmoids want them.
    labels: numClasses === null ? fill(labels, 1).map((value) => (value + 1) / 2) : ofClasses(),
  };
}
