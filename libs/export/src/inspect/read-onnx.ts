import { AnnealError } from "@anneal/contracts";
import { fromBinary } from "@bufbuild/protobuf";
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
} from "../onnx/schema/onnx_pb.ts";
import { bytesOfValues, describeTensor } from "./onnx-types.ts";

/** A file's messages, of which a graph is the least. */
export interface OnnxFile {
  readonly model: ModelProto;
  readonly graph: GraphProto;
}

/**
 * Reads the bytes of an ONNX file.
 *
 * @throws AnnealError MODEL_FILE_INVALID for what is no ONNX file, or one that was cut short or damaged
 */
export function readOnnx(bytes: Uint8Array, path: string): OnnxFile {
  const model = parse(bytes, path);
  const { graph } = model;
  // Of almost any bytes protobuf makes a message of nothing but unknown fields.
  if (graph === undefined) throw invalid(path, "it has no graph");
  if (model.irVersion === 0n || model.opsetImport.length === 0) throw invalid(path, "it does not say its version");
  const known = new Set(["", ...graph.input.map(({ name }) => name), ...graph.initializer.map(({ name }) => name)]);
  for (const tensor of graph.initializer) {
    const problem = problemOf(tensor);
    if (problem !== null) throw invalid(path, `its tensor "${tensor.name}" ${problem}`);
  }
  for (const { values } of graph.sparseInitializer) known.add(values?.name ?? "");
  for (const { opType, input, output } of graph.node) {
    if (opType === "") throw invalid(path, "a node has no op");
    const missing = input.find((name) => !known.has(name));
    if (missing !== undefined) throw invalid(path, `${opType} takes "${missing}", which nothing makes before it`);
    for (const name of output) known.add(name);
  }
  const absent = graph.output.find(({ name }) => !known.has(name));
  if (absent !== undefined) throw invalid(path, `nothing makes its output "${absent.name}"`);
  return { model, graph };
}

/** What is wrong with a tensor whose values lie in the file as they are; null where nothing is. */
function problemOf(tensor: TensorProto): string | null {
  const { dtype, numValues } = describeTensor(tensor);
  if (tensor.dims.some((dim) => dim < 0n)) return "has a negative size";
  const { rawData, dataLocation } = tensor;
  if (rawData.length === 0 || dataLocation === TensorProto_DataLocation.EXTERNAL) return null;
  const numBytes = bytesOfValues(dtype, numValues);
  return rawData.length === numBytes ? null : `has ${rawData.length} bytes, and not ${numBytes}`;
}

function parse(bytes: Uint8Array, path: string): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw invalid(path, cause instanceof Error ? cause.message : String(cause));
  }
}

export function invalid(path: string, why: string): AnnealError {
  return new AnnealError(
    "MODEL_FILE_INVALID",
    `${path} is no sound model file: ${why}`,
    "Write the file again, or copy it again if it was cut short; anneal inspect reads ONNX files.",
    { path },
  );
}
