import type { OnnxGraph } from "../onnx/onnx-graph.ts";
import { writeOnnx } from "../onnx/write-onnx.ts";

/** The bytes of a model's file. */
export function onnxBytes(graph: OnnxGraph): Uint8Array {
  const chunks: Uint8Array[] = [];
  writeOnnx(graph, { description: "a test", properties: {} }, (bytes) => void chunks.push(bytes.slice()));
  return Buffer.concat(chunks);
}
