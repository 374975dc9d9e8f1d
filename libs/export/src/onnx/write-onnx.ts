import { AnnealError } from "@anneal/contracts";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type Dim, isFixed } from "../model/dims.ts";
import {
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxInitializer,
  type OnnxNode,
  type OnnxValue,
  onnxDtypes,
} from "./onnx-graph.ts";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorShapeProto_DimensionSchema as DimensionSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProtoSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./schema/onnx_pb.ts";

/** The newest set of operators that ONNX Runtime runs (1.30), and the version of the format that goes with it (`onnx/helper.py`). */
const opsetVersion = 26;
const irVersion = 13;

export interface OnnxMetadata {
  /** What the model is, for people. */
  readonly description: string;
  /** `metadata_props` of the file. */
  readonly properties: Readonly<Record<string, string>>;
}

/** Numbers of the fields that are written by hand. */
const field = { model: { graph: 7 }, graph: { initializer: 5 }, tensor: { rawData: 9 } } as const;
/** Readers of protobuf count a message's bytes in 31 bits. */
const maxBytes = 2 ** 31 - 1;

/**
 * Writes a model as ONNX's protobuf. Tensors are read and handed on one after another: what is in memory at a time is the largest of them.
 *
 * @param write takes the file's bytes in order; it has to be done with them when it returns
 * @returns the file's size
 * @throws AnnealError EXPORT_UNSUPPORTED for a model of more than 2 GB, before anything is written
 */
export function writeOnnx(graph: OnnxGraph, metadata: OnnxMetadata, write: (bytes: Uint8Array) => void): number {
  const model = toBinary(ModelProtoSchema, create(ModelProtoSchema, headOf(metadata)));
  const body = toBinary(GraphProtoSchema, create(GraphProtoSchema, bodyOf(graph)));
  const tensors = graph.initializers.map((initializer) => {
    const head = tensorHead(initializer);
    const numBytes = byteLength(initializer);
    const tensorBytes = head.length + numBytes;
    return { initializer, numBytes, head: prefixed(field.graph.initializer, tensorBytes, head) };
  });
  const graphBytes = tensors.reduce((sum, { head, numBytes }) => sum + head.length + numBytes, body.length);
  const graphHead = prefixed(field.model.graph, graphBytes, new Uint8Array());
  const total = model.length + graphHead.length + graphBytes;
  if (total > maxBytes) throw tooLarge(total);
  write(model);
  write(graphHead);
  write(body);
  for (const { initializer, head, numBytes } of tensors) {
    const data = initializer.read();
    if (data.length !== numBytes) throw new RangeError(`${initializer.name} has ${data.length} bytes, not ${numBytes}`);
    write(head);
    write(data);
  }
  return total;
}

function headOf({ description, properties }: OnnxMetadata) {
  return {
    irVersion: BigInt(irVersion),
    producerName: "anneal",
    docString: description,
    opsetImport: [create(OperatorSetIdProtoSchema, { domain: "", version: BigInt(opsetVersion) })],
    metadataProps: Object.entries(properties).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    ),
  };
}

function bodyOf({ nodes, inputs, outputs }: OnnxGraph): MessageInitShape<typeof GraphProtoSchema> {
  return {
    name: "model",
    node: nodes.map(nodeProto),
    input: inputs.map(valueProto),
    output: outputs.map(valueProto),
  };
}

function nodeProto({ op, inputs, outputs, attributes, scope }: OnnxNode, index: number): NodeProto {
  return create(NodeProtoSchema, {
    opType: op,
    // Unique, so that profilers tell nodes apart.
    name: `${scope === "" ? op : `${scope}/${op}`}:${index}`,
    input: [...inputs],
    output: [...outputs],
    attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value)),
  });
}

function attributeProto(name: string, { kind, value }: OnnxAttribute): AttributeProto {
  switch (kind) {
    case "int":
      return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
    case "float":
      return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value });
    case "string":
      return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
    case "ints":
      return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
  }
}

function valueProto({ name, dtype, dims }: OnnxValue): ValueInfoProto {
  const tensorType = { elemType: onnxDtypes[dtype], shape: { dim: dims.map(dimensionProto) } };
  const type = create(TypeProtoSchema, { value: { case: "tensorType", value: tensorType as never } });
  return create(ValueInfoProtoSchema, { name, type });
}

function dimensionProto(dim: Dim) {
  const param = (perSample: number) => (perSample === 1 ? "batch" : `${perSample}*batch`);
  return create(DimensionSchema, {
    value: isFixed(dim) ? { case: "dimValue", value: BigInt(dim) } : { case: "dimParam", value: param(dim.perSample) },
  });
}

/** All of a tensor but its values. */
function tensorHead(initializer: OnnxInitializer): Uint8Array {
  const { name, dtype, shape } = initializer;
  const described = create(TensorProtoSchema, { name, dataType: onnxDtypes[dtype], dims: shape.map(BigInt) });
  const data = prefixed(field.tensor.rawData, byteLength(initializer), new Uint8Array());
  return concatenated(toBinary(TensorProtoSchema, described), data);
}

const dtypeBytes = { float32: 4, uint8: 1, int8: 1, int32: 4, int64: 8, bool: 1, float16: 2 } as const;

function byteLength({ dtype, shape }: Pick<OnnxInitializer, "dtype" | "shape">): number {
  return shape.reduce((product, size) => product * size, dtypeBytes[dtype]);
}

/** The beginning of a field of so many bytes, and the first of them. */
function prefixed(number: number, numBytes: number, first: Uint8Array): Uint8Array {
  const head = new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(numBytes).finish();
  return concatenated(head, first);
}

function concatenated(a: Uint8Array, b: Uint8Array): Uint8Array {
  const result = new Uint8Array(a.length + b.length);
  result.set(a);
  result.set(b, a.length);
  return result;
}

function tooLarge(numBytes: number): AnnealError {
  return new AnnealError(
    "EXPORT_UNSUPPORTED",
    `the model takes ${numBytes} bytes as ONNX, and a file of the format holds 2 GB at most`,
    "Export it with --precision float16 or int8.",
    { numBytes },
  );
}
