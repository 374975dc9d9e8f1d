/** For tests of packages that export models. */

export { checkOnnxFiles } from "./check-onnx.ts";
export { largestDifference } from "./compare.ts";
export { onnxBytes } from "./run-onnx.ts";
export { runTflite } from "./run-tflite.ts";
