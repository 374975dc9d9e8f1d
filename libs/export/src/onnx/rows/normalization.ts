import type { OnnxCall } from "../onnx-call.ts";
import { onnxFloat, onnxInt } from "../onnx-graph.ts";
import { alike, type OnnxRow, type OnnxRows, renamed } from "../row.ts";

function alongLast(onnxOp: string): OnnxRow {
  return (call) => {
    const order = call.orderOf(0);
    const axis = order.indexOf(call.rank(0) - 1);
    return { name: call.emit(onnxOp, [call.inputIn(0, order)], { axis: onnxInt(axis) }), order };
  };
}

/** By averages that are computed; those that are known were folded before. */
const batchNorm = (call: OnnxCall) => {
  if (call.attribute("is_training", "bool", true)) call.fail("normalises by the batch that it is given");
  const [scale, offset, mean, variance] = [1, 2, 3, 4].map((index) => call.input(index));
  const epsilon = onnxFloat(call.attribute("epsilon", "float", 1e-4));
  const inputs = [call.imageInput(0), scale!, offset!, mean!, variance!];
  return call.image(call.emit("BatchNormalization", inputs, { epsilon }));
};

/** Ops that bring values to a common scale. */
export const normalizationRows: OnnxRows = {
  ...renamed({ LogSoftmax: "LogSoftmax", Softmax: "Softmax" }, alongLast),
  ...alike(["FusedBatchNorm", "FusedBatchNormV3"], batchNorm),
};
