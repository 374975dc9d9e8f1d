import { AnnealError } from "@anneal/contracts";
import { ByteBuffer } from "flatbuffers";
import { type Dim, isFixed } from "../model/dims.ts";
import { type Table, table, writeFlatbuffer } from "./flatbuffer.ts";
import {
  tfliteActivationFunctionType,
  tfliteBuiltinOperator,
  tfliteBuiltinOptions,
  tfliteTables,
} from "./schema/tflite-schema.ts";
import {
  dtypeBytes,
  type NamedTensor,
  type TfliteGraph,
  type TfliteOp,
  type TfliteTensor,
  tfliteDtypes,
} from "./tflite-graph.ts";
import { versionOf } from "./versions.ts";

export interface TfliteMetadata {
  readonly description: string;
  /** Each becomes a metadata buffer of its name. */
  readonly properties: Readonly<Record<string, string>>;
}

/** Of the format (`schema.fbs`), and what a file begins with after the place of its root. */
const version = 3;
const identifier = "TFL3";
/** Offsets have 32 bits, and readers take them as signed. */
const maxBytes = 2 ** 31 - 1;
/** `force_align` of a buffer's data. */
const alignment = 16;

interface Blob {
  readonly name: string;
  readonly numBytes: number;
  readonly read: () => Uint8Array;
}

/**
 * Writes a model as a FlatBuffer of TensorFlow Lite. All but the values of tensors is made first, with an empty list of bytes for each; values
 * then follow, read and handed on one tensor after another, and the lists' places are those. What is in memory at a time is the largest of them.
 *
 * @param write takes the file's bytes in order; it has to be done with them when it returns
 * @returns the file's size
 * @throws AnnealError EXPORT_UNSUPPORTED for a model of more than 2 GB, before anything is written
 */
export function writeTflite(graph: TfliteGraph, metadata: TfliteMetadata, write: (bytes: Uint8Array) => void): number {
  const tensors = tensorsOf(graph);
  const blobs = blobsOf(tensors, metadata);
  const head = writeFlatbuffer(modelTable(graph, tensors, metadata, blobs), identifier);
  const places = placesAfter(head.length, blobs);
  const last = blobs.length - 1;
  const total = last < 0 ? head.length : places[last]! + 4 + blobs[last]!.numBytes;
  if (total > maxBytes) throw tooLarge(total);
  pointTo(head, places);
  write(head);
  let at = head.length;
  for (const [index, { name, numBytes, read }] of blobs.entries()) {
    const data = read();
    if (data.length !== numBytes) throw new RangeError(`${name} has ${data.length} bytes, not ${numBytes}`);
    const start = new Uint8Array(places[index]! + 4 - at);
    new DataView(start.buffer).setUint32(start.length - 4, numBytes, true);
    write(start);
    write(data);
    at = places[index]! + 4 + numBytes;
  }
  return total;
}

/** Each tensor once: inputs, then what ops take and make. */
function tensorsOf({ ops, inputs, outputs }: TfliteGraph): readonly TfliteTensor[] {
  const found = new Set<TfliteTensor>(inputs.map(({ tensor }) => tensor));
  for (const op of ops) {
    for (const tensor of [...op.inputs, ...op.outputs]) if (tensor !== null) found.add(tensor);
  }
  for (const { tensor } of outputs) found.add(tensor);
  return [...found];
}

/** What buffers hold, after the first one, which is empty: tensors' values, then metadata. */
function blobsOf(tensors: readonly TfliteTensor[], { properties }: TfliteMetadata): readonly Blob[] {
  const values = tensors.flatMap(({ name, dtype, dims, read }): readonly Blob[] => {
    if (read === null) return [];
    const numBytes = dims.reduce((product: number, dim) => product * Number(dim), dtypeBytes[dtype]);
    return [{ name, numBytes, read }];
  });
  const texts = Object.entries(properties).map(([name, text]): Blob => {
    const bytes = new TextEncoder().encode(text);
    return { name, numBytes: bytes.length, read: () => bytes };
  });
  return [...values, ...texts];
}

function modelTable(
  graph: TfliteGraph,
  tensors: readonly TfliteTensor[],
  { description, properties }: TfliteMetadata,
  blobs: readonly Blob[],
): Table {
  const numbers = new Map(tensors.map((tensor, index) => [tensor, index]));
  const numberOf = (tensor: TfliteTensor | null): number => (tensor === null ? -1 : numbers.get(tensor)!);
  const names = [...new Set(graph.ops.map(({ op }) => op))];
  let numValues = 0;
  const tensorTables = tensors.map((tensor) => tensorTable(tensor, tensor.read === null ? 0 : ++numValues));
  const all = (named: readonly NamedTensor[]) => Int32Array.from(named, ({ tensor }) => numberOf(tensor));
  const subgraph = table("SubGraph", {
    name: "main",
    tensors: tensorTables,
    inputs: all(graph.inputs),
    outputs: all(graph.outputs),
    operators: graph.ops.map((op) => operatorTable(op, names.indexOf(op.op), numberOf)),
  });
  const signature = table("SignatureDef", {
    signatureKey: "serving_default",
    inputs: graph.inputs.map(({ name, tensor }) => table("TensorMap", { name, tensorIndex: numberOf(tensor) })),
    outputs: graph.outputs.map(({ name, tensor }) => table("TensorMap", { name, tensorIndex: numberOf(tensor) })),
  });
  return table("Model", {
    version,
    description,
    operatorCodes: names.map((name) => operatorCode(name, graph.ops)),
    subgraphs: [subgraph],
    // The list of bytes is to be its own for each: see `pointTo`.
    buffers: [table("Buffer", {}), ...blobs.map(() => table("Buffer", { data: new Uint8Array() }))],
    metadata: Object.keys(properties).map((name, index) => table("Metadata", { name, buffer: numValues + 1 + index })),
    signatureDefs: [signature],
  });
}

/** Old readers know the first 127 ops by a number of 8 bits. */
function operatorCode(name: TfliteOp["op"], ops: readonly TfliteOp[]): Table {
  const builtinCode = tfliteBuiltinOperator[name];
  const version = Math.max(...ops.filter(({ op }) => op === name).map(versionOf));
  return table("OperatorCode", { builtinCode, deprecatedBuiltinCode: Math.min(builtinCode, 127), version });
}

function tensorTable({ name, dtype, dims, quantization }: TfliteTensor, buffer: number): Table {
  const grows = dims.some((dim) => !isFixed(dim));
  const fields = {
    name,
    type: tfliteDtypes[dtype],
    buffer,
    hasRank: true,
    // For one sample; runtimes are told of others.
    shape: Int32Array.from(dims, (dim) => (isFixed(dim) ? dim : dim.perSample)),
  };
  const signature = Int32Array.from(dims, (dim: Dim) => (isFixed(dim) ? dim : -1));
  return table("Tensor", {
    ...fields,
    ...(grows ? { shapeSignature: signature } : {}),
    ...(quantization === undefined ? {} : { quantization: quantizationTable(quantization) }),
  });
}

function quantizationTable({ scales, zeroPoints, axis }: NonNullable<TfliteTensor["quantization"]>): Table {
  return table("QuantizationParameters", {
    scale: scales,
    zeroPoint: BigInt64Array.from(zeroPoints, BigInt),
    quantizedDimension: axis,
  });
}

function operatorTable(
  { inputs, outputs, options, activation }: TfliteOp,
  opcodeIndex: number,
  numberOf: (tensor: TfliteTensor | null) => number,
): Table {
  const taken = { opcodeIndex, inputs: Int32Array.from(inputs, numberOf), outputs: Int32Array.from(outputs, numberOf) };
  if (options === null) return table("Operator", taken);
  const fused = { fusedActivationFunction: tfliteActivationFunctionType[activation] };
  const isActive = Object.hasOwn(tfliteTables[options.table], "fusedActivationFunction");
  return table("Operator", {
    ...taken,
    builtinOptionsType: tfliteBuiltinOptions[options.table as keyof typeof tfliteBuiltinOptions],
    builtinOptions: isActive ? { ...options, fields: { ...options.fields, ...fused } } : options,
  });
}

/** Where the length of each list of bytes is to stand, so that its bytes are aligned. */
function placesAfter(end: number, blobs: readonly Blob[]): readonly number[] {
  let at = end;
  return blobs.map(({ numBytes }) => {
    const place = Math.ceil((at + 4) / alignment) * alignment - 4;
    at = place + 4 + numBytes;
    return place;
  });
}

/** Lets each buffer but the first refer to its place; a reference counts from where it stands. */
function pointTo(head: Uint8Array, places: readonly number[]): void {
  const buffer = new ByteBuffer(head);
  const field = (at: number, slot: number): number => at + buffer.__offset(at, 4 + 2 * slot);
  const model = buffer.__indirect(0);
  const buffers = buffer.__vector(field(model, tfliteTables.Model.buffers[0]));
  for (const [index, place] of places.entries()) {
    const reference = field(buffer.__indirect(buffers + 4 * (index + 1)), tfliteTables.Buffer.data[0]);
    buffer.writeInt32(reference, place - reference);
  }
}

function tooLarge(numBytes: number): AnnealError {
  return new AnnealError(
    "EXPORT_UNSUPPORTED",
    `the model takes ${numBytes} bytes as TensorFlow Lite, and a file of the format holds 2 GB at most`,
    "Export it with --precision float16 or int8.",
    { numBytes },
  );
}
