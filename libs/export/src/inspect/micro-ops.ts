/**
 * ONNX's ops that an op of TensorFlow Lite Micro computes (`python_ops_resolver.cc` of tflite-micro lists its ops). A converter may say others by several of them; of
 * these there is none to begin with.
 */
const microOps = new Set([
  ...["Abs", "Add", "And", "ArgMax", "ArgMin", "AveragePool", "Cast", "Ceil", "Clip", "Concat", "Constant"],
  ...["ConstantOfShape", "Conv", "ConvTranspose", "Cos", "CumSum", "DepthToSpace", "DequantizeLinear", "Div", "Elu"],
  ...["Equal", "Exp", "Expand", "Flatten", "Floor", "Gather", "GatherND", "Gemm", "GlobalAveragePool"],
  ...["GlobalMaxPool", "Greater", "GreaterOrEqual", "HardSwish", "Identity", "LSTM", "LeakyRelu", "Less"],
  ...["LessOrEqual", "Log", "LogSoftmax", "MatMul", "Max", "MaxPool", "Min", "Mod", "Mul", "Neg", "Not", "Or", "PRelu"],
  ...["Pad", "QuantizeLinear", "ReduceMax", "ReduceMean", "ReduceSum", "Relu", "Reshape", "Resize", "Round"],
  ...["Shape", "Sigmoid", "Sin", "Slice", "Softmax", "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh"],
  ...["Transpose", "Unsqueeze", "Where"],
]);

/** Says which of these ops a microcontroller would lack. */
export function microWarnings(ops: readonly string[]): readonly string[] {
  const missing = ops.filter((op) => !microOps.has(op));
  return missing.length === 0 ? [] : [`TensorFlow Lite Micro has no op for ${missing.join(", ")}`];
}
