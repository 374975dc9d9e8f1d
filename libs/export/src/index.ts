export { type ExportRequest, exportModel, type HeldOut, type ModelFacts } from "./export-model.ts";
export { exporters } from "./formats/index.ts";
export { inspectFile } from "./inspect/inspect-file.ts";
export { type PrepareOptions, prepareModel, type TracedFunction } from "./model/prepare-model.ts";
export { type TensorSource, weightDtype } from "./model/tensor-source.ts";
export { emitOnnx } from "./onnx/emit-graph.ts";
export { differenceInWords } from "./report/model-card.ts";
export { percentiles, type Samples } from "./runtimes/runtime.ts";
export { emitTflite } from "./tflite/emit-graph.ts";
