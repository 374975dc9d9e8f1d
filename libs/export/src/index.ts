export type { PredictModel } from "./model/predict-model.ts";
export { type PrepareOptions, prepareModel, type TracedFunction } from "./model/prepare-model.ts";
export { type TensorSource, weightDtype } from "./model/tensor-source.ts";
export { emitOnnx } from "./onnx/emit-graph.ts";
export { writeOnnx } from "./onnx/write-onnx.ts";
