import { wholeModels } from "../test-support/models.ts";
import { describeWholeOnnx } from "../test-support/whole-onnx.ts";

/** Layouts that change, normalisations that are folded, a recurrence, and a function; all models are in the slow lane. */
const sample = [
  "residual block with batch normalisation",
  "depthwise-separable network",
  "masked words through a recurrence",
  "transformer of functions",
] as const;

describeWholeOnnx(sample.map((name) => [name, wholeModels[name]!]));
