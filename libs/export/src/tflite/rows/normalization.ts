import { table } from "../flatbuffer.ts";
import { alike, type TfliteRow, type TfliteRows } from "../row.ts";
import type { TfliteTensor } from "../tflite-graph.ts";

/** By averages that are computed; those that are known were folded before. */
const batchNorm: TfliteRow = (call) => {
  if (call.attribute("is_training", "bool", true)) call.fail("normalises by the batch that it is given");
  if (call.attribute("data_format", "string", "NHWC").startsWith("NC")) call.fail("has its channels first");
  const [input, scale, offset, mean, variance] = call.inputs() as [TfliteTensor, ...TfliteTensor[]];
  const epsilon = call.scalar(call.attribute("epsilon", "float", 1e-4));
  const factor = call.emit("MUL", [scale!, call.emit("RSQRT", [call.emit("ADD", [variance!, epsilon])])]);
  const centered = call.emit("SUB", [input, mean!]);
  return call.emit("ADD", [call.emit("MUL", [centered, factor]), offset!]);
};

/** Ops that bring values to a common scale. */
export const normalizationRows: TfliteRows = {
  ...alike(["FusedBatchNorm", "FusedBatchNormV3"], batchNorm),
  LogSoftmax: (call) => call.emit("LOG_SOFTMAX", [call.input(0)]),
  Softmax: (call) => call.emit("SOFTMAX", [call.input(0)], { options: table("SoftmaxOptions", { beta: 1 }) }),
};
