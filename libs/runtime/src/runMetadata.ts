import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** One execution of a node of the graph that TensorFlow ran, after its own optimizations. */
export interface NodeTiming {
  readonly name: string;
  /** As TensorFlow shows it: `name = Op(inputs)`. */
  readonly label: string;
  /** From the start of the kernel to its end, in microseconds. */
  readonly microseconds: number;
}

/**
 * Timings in a serialized `RunMetadata` (`tensorflow/core/protobuf/config.proto`, `framework/step_stats.proto` of TensorFlow 2.21;
 * numbers below are field numbers). One list of all devices, in no order.
 */
export function decodeTimings(runMetadata: Uint8Array): readonly NodeTiming[] {
  const timings: NodeTiming[] = [];
  // RunMetadata.step_stats, StepStats.dev_stats, DeviceStepStats.node_stats
  forEachMessage(runMetadata, 1, (stepStats) =>
    forEachMessage(stepStats, 1, (device) => forEachMessage(device, 2, (node) => timings.push(decodeNode(node)))),
  );
  return timings;
}

function decodeNode(bytes: Uint8Array): NodeTiming {
  const reader = new BinaryReader(bytes);
  let name = "";
  let label = "";
  let [startNanoseconds, endNanoseconds, startMicros, endMicros] = [0, 0, 0, 0];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) name = reader.string();
    else if (field === 8) label = reader.string();
    else if (field === 3) startMicros = Number(reader.int64());
    else if (field === 4) endMicros = Number(reader.int64());
    else if (field === 14) startNanoseconds = Number(reader.int64());
    else if (field === 15) endNanoseconds = Number(reader.int64());
    else reader.skip(type, field);
  }
  const nanoseconds = endNanoseconds - startNanoseconds;
  return { name, label, microseconds: nanoseconds > 0 ? nanoseconds / 1_000 : endMicros - startMicros };
}

function forEachMessage(bytes: Uint8Array, wanted: number, visit: (message: Uint8Array) => void): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === wanted && type === WireType.LengthDelimited) visit(reader.bytes());
    else reader.skip(type, field);
  }
}
