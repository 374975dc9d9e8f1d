import { numElements, type TypedArray } from "@anneal/data";
import type { Tfjs } from "@anneal/runtime";
import { judge, type RecipeStep, toSums } from "./recipe-step.ts";
import type { BatchSums } from "./step-engine.ts";

/** Outputs that anybody gave for a batch, and the batch's labels. */
export interface GivenOutputs {
  readonly numSamples: number;
  /** `[numSamples, ...outputShape]`, row-major. */
  readonly outputs: Float32Array;
  /** Of one sample. */
  readonly outputShape: readonly number[];
  readonly labels: TypedArray;
}

/** Sums of loss and metrics of outputs, op by op: what made the outputs does not matter. */
export function judgeOutputs(tf: Tfjs, step: RecipeStep, given: GivenOutputs): BatchSums {
  const { numSamples, outputs, outputShape, labels } = given;
  const { dtype, shape } = step.options.labels;
  if (outputs.length !== numSamples * numElements(outputShape))
    throw new RangeError("outputs of another number of samples");
  const report = tf.tidy(() => {
    const judged = tf.tensor(outputs, [numSamples, ...outputShape]);
    const wanted = tf.tensor(Array.from(labels), [numSamples, ...shape], dtype === "uint8" ? "float32" : dtype);
    return judge(tf, step, judged, wanted);
  });
  try {
    return toSums(step, report.dataSync(), numSamples);
  } finally {
    report.dispose();
  }
}
