import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** One execution of a node of the graph that TensorFlow ran, after its own optimizations. */
export interface NodeTiming {
  readonly name: string;
  /** As TensorFlow shows it: `name = Op(inputs)`, with the memory that it took before that where it took much. */
  readonly label: string;
  /** From the start of the kernel to its end, in microseconds. */
  readonly microseconds: number;
}

/** The same with what came of it, and its memory. */
export interface NodeRun extends NodeTiming {
  /** The op whose kernel ran: oneDNN's begin with `_Mkl`, and TensorFlow has put several into one where it holds `Fused`. */
  readonly op: string;
  /** Outputs that it took, such as `dense/MatMul` or `Unpack:1`, in the graph that ran. */
  readonly inputs: readonly string[];
  /** On the clock of all nodes and allocations of the run, in microseconds. */
  readonly startMicros: number;
  readonly endMicros: number;
  readonly outputs: readonly RunOutput[];
  /** Memory that it took, and when that was given back. TensorFlow keeps account of large pieces alone (256 KiB on a CPU). */
  readonly allocations: readonly Allocation[];
}

/** A tensor as the runtime had it. */
export interface RunOutput {
  /** Which of the node's outputs it is. */
  readonly slot: number;
  /** TensorFlow's number (`tensorflow/core/framework/types.proto`). */
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly numBytes: number;
  /** Two tensors that live at once have the same one where they share memory; 0 where it is not known. */
  readonly address: number;
}

export interface Allocation {
  readonly atMicros: number;
  /** Below 0: given back. */
  readonly numBytes: number;
}

/**
 * What ran, from a serialized `RunMetadata` (`tensorflow/core/protobuf/config.proto`, `framework/step_stats.proto`,
 * `tensor_description.proto` and `allocation_description.proto` of TensorFlow 2.21; numbers below are field numbers). One list
 * of all devices, in no order.
 */
export function decodeRun(runMetadata: Uint8Array): readonly NodeRun[] {
  const runs: NodeRun[] = [];
  // RunMetadata.step_stats, StepStats.dev_stats, DeviceStepStats.node_stats
  forEachMessage(runMetadata, 1, (stepStats) =>
    forEachMessage(stepStats, 1, (device) => forEachMessage(device, 2, (node) => runs.push(decodeNode(node)))),
  );
  return runs;
}

function decodeNode(bytes: Uint8Array): NodeRun {
  const reader = new BinaryReader(bytes);
  let name = "";
  let label = "";
  let nodeStart = 0;
  let [startNanoseconds, endNanoseconds, startMicros, endMicros] = [0, 0, 0, 0];
  const outputs: RunOutput[] = [];
  const allocations: Allocation[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) name = reader.string();
    else if (field === 2) nodeStart = Number(reader.int64());
    else if (field === 3) startMicros = Number(reader.int64());
    else if (field === 4) endMicros = Number(reader.int64());
    // AllocatorMemoryUsed.allocation_records
    else if (field === 6) forEachMessage(reader.bytes(), 6, (record) => allocations.push(decodeAllocation(record)));
    else if (field === 7) outputs.push(decodeOutput(reader.bytes()));
    else if (field === 8) label = reader.string();
    else if (field === 14) startNanoseconds = Number(reader.int64());
    else if (field === 15) endNanoseconds = Number(reader.int64());
    else reader.skip(type, field);
  }
  const nanoseconds = endNanoseconds - startNanoseconds;
  return {
    name,
    label,
    ...parseLabel(label, name),
    microseconds: nanoseconds > 0 ? nanoseconds / 1_000 : endMicros - startMicros,
    startMicros: nodeStart + startMicros,
    endMicros: nodeStart + endMicros,
    outputs,
    allocations,
  };
}

/** `[mklcpu 0.2MB 0.2MB] dense/MatMul = _MklMatMul(x, kernel, ^after)`: controls are no inputs. */
function parseLabel(label: string, name: string): Pick<NodeRun, "op" | "inputs"> {
  const [, op, list = ""] = / = (\w+)\(([^)]*)/.exec(label) ?? [];
  const inputs = list.split(", ").filter((input) => input !== "" && !input.startsWith("^"));
  return { op: op ?? name.split("/").at(-1)!, inputs };
}

function decodeOutput(bytes: Uint8Array): RunOutput {
  const output = { slot: 0, dtype: 0, shape: [] as number[], numBytes: 0, address: 0 };
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) output.slot = reader.int32();
    else if (field === 3) readTensor(reader.bytes(), output);
    else reader.skip(type, field);
  }
  return output;
}

function readTensor(bytes: Uint8Array, output: { dtype: number; shape: number[]; numBytes: number; address: number }) {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) output.dtype = reader.int32();
    // TensorShapeProto.dim, Dim.size: a size of 0 is not written.
    else if (field === 2) forEachMessage(reader.bytes(), 2, (dimension) => output.shape.push(readNumber(dimension, 1)));
    else if (field === 4) {
      const allocation = reader.bytes();
      output.numBytes = readNumber(allocation, 1);
      output.address = readNumber(allocation, 6);
    } else reader.skip(type, field);
  }
}

function decodeAllocation(bytes: Uint8Array): Allocation {
  return { atMicros: readNumber(bytes, 1), numBytes: readNumber(bytes, 2) };
}

/** A whole number of a message; 0 where it is not there. */
function readNumber(bytes: Uint8Array, wanted: number): number {
  const reader = new BinaryReader(bytes);
  let value = 0;
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === wanted && type === WireType.Varint) value = Number(reader.int64());
    else reader.skip(type, field);
  }
  return value;
}

function forEachMessage(bytes: Uint8Array, wanted: number, visit: (message: Uint8Array) => void): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === wanted && type === WireType.LengthDelimited) visit(reader.bytes());
    else reader.skip(type, field);
  }
}
