import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Attribute } from "./attributes.ts";
import type { Graph, Node, Value } from "./graph.ts";
import { type ConstantValue, dtypeNumbers, isSplat, sizeOf } from "./types.ts";

/**
 * TensorFlow's wire formats, as far as a graph of ours needs them: `graph.proto`, `node_def.proto`, `attr_value.proto`,
 * `tensor.proto`, `tensor_shape.proto` and `saved_model.proto` of TensorFlow 2.21. Numbers below are field numbers.
 */

/** Version of the graph format whose rules the nodes follow (`TF_GRAPH_DEF_VERSION` of TensorFlow 2.21 is later). */
const producerVersion = 2129;

export interface EncodedGraph {
  /** A `GraphDef`. */
  readonly bytes: Uint8Array;
  /** Name of a value for feeds and fetches, such as `loss:0`. */
  readonly nameOf: (value: Value) => string;
}

/** A graph as TensorFlow's `GraphDef`. The same graph gives the same bytes. */
export function encodeGraph(graph: Graph): EncodedGraph {
  const names = nameNodes(graph);
  const writer = new BinaryWriter();
  for (const node of graph.nodes) message(writer, 1, () => writeNode(writer, node, names));
  message(writer, 4, () => writer.tag(1, WireType.Varint).int32(producerVersion));
  return { bytes: writer.finish(), nameOf: ({ node, index }) => `${nameOf(names, node)}:${index}` };
}

/** The `saved_model.pb` of a directory that `TF_LoadSessionFromSavedModel` loads with the tag `serve`. */
export function encodeSavedModel(graphDef: Uint8Array): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(1);
  message(writer, 2, () => {
    message(writer, 1, () => writer.tag(4, WireType.LengthDelimited).string("serve"));
    writer.tag(2, WireType.LengthDelimited).bytes(graphDef);
  });
  return writer.finish();
}

/** Nodes are numbered by their op in the graph's order; those that have a name keep it. */
function nameNodes(graph: Graph): ReadonlyMap<Node, string> {
  const taken = new Set(graph.nodes.flatMap(({ name }) => name ?? []));
  const counts = new Map<string, number>();
  const names = new Map<Node, string>();
  for (const node of graph.nodes) {
    let name = node.name;
    while (name === null) {
      const prefix = node.scope === "" ? node.op : `${safeName(node.scope)}/${node.op}`;
      const count = counts.get(prefix) ?? 0;
      counts.set(prefix, count + 1);
      const candidate = count === 0 ? prefix : `${prefix}_${count}`;
      if (!taken.has(candidate)) name = candidate;
    }
    taken.add(name);
    names.set(node, name);
  }
  return names;
}

/** TensorFlow's names are `[A-Za-z0-9.][A-Za-z0-9_.\-/]*`. */
function safeName(scope: string): string {
  return scope.replace(/[^A-Za-z0-9_.\-/]/g, "_").replace(/^[^A-Za-z0-9.]/, ".");
}

function nameOf(names: ReadonlyMap<Node, string>, node: Node): string {
  const name = names.get(node);
  if (name === undefined) throw new RangeError(`${node.op} is not a node of this graph`);
  return name;
}

function writeNode(writer: BinaryWriter, node: Node, names: ReadonlyMap<Node, string>): void {
  writer.tag(1, WireType.LengthDelimited).string(nameOf(names, node));
  writer.tag(2, WireType.LengthDelimited).string(node.op);
  for (const { node: input, index } of node.inputs) {
    const name = nameOf(names, input);
    writer.tag(3, WireType.LengthDelimited).string(index === 0 ? name : `${name}:${index}`);
  }
  for (const control of node.controls) writer.tag(3, WireType.LengthDelimited).string(`^${nameOf(names, control)}`);
  for (const [name, value] of Object.entries(node.attributes)) {
    message(writer, 5, () => {
      writer.tag(1, WireType.LengthDelimited).string(name);
      message(writer, 2, () => attributeWriters[value.kind](writer, value.value as never));
    });
  }
}

const attributeWriters: {
  readonly [K in Attribute["kind"]]: (writer: BinaryWriter, value: Extract<Attribute, { kind: K }>["value"]) => void;
} = {
  type: (writer, value) => writer.tag(6, WireType.Varint).int32(dtypeNumbers[value]),
  int: (writer, value) => writer.tag(3, WireType.Varint).int64(value),
  // A list value; packed.
  ints: (writer, values) =>
    message(writer, 1, () => {
      message(writer, 3, () => {
        for (const value of values) writer.int64(value);
      });
    }),
  float: (writer, value) => writer.tag(4, WireType.Bit32).float(value),
  bool: (writer, value) => writer.tag(5, WireType.Varint).bool(value),
  string: (writer, value) => writer.tag(2, WireType.LengthDelimited).string(value),
  shape: (writer, value) => message(writer, 7, () => writeShape(writer, value)),
  tensor: (writer, value) => message(writer, 8, () => writeTensor(writer, value)),
};

function writeShape(writer: BinaryWriter, shape: readonly number[]): void {
  for (const size of shape) message(writer, 2, () => writer.tag(1, WireType.Varint).int64(size));
}

function writeTensor(writer: BinaryWriter, value: ConstantValue): void {
  const { dtype, shape, data } = value;
  writer.tag(1, WireType.Varint).int32(dtypeNumbers[dtype]);
  message(writer, 2, () => writeShape(writer, shape));
  if (isSplat(value)) {
    writeRepeated(writer, value);
    return;
  }
  if (data.length !== sizeOf(shape)) throw new RangeError(`${data.length} values for the shape [${shape.join(",")}]`);
  writer.tag(4, WireType.LengthDelimited).bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** The last value of a typed list stands for all that follow. */
function writeRepeated(writer: BinaryWriter, { dtype, data }: ConstantValue): void {
  const [first] = data;
  switch (dtype) {
    case "float32":
      message(writer, 5, () => writer.float(Number(first)));
      break;
    case "int64":
      message(writer, 10, () => writer.int64(BigInt(first ?? 0)));
      break;
    case "bool":
      message(writer, 11, () => writer.bool(first === 1));
      break;
    case "int32":
    case "uint8":
      message(writer, 7, () => writer.int32(Number(first)));
      break;
    default:
      throw new RangeError(`no constants of ${dtype}`);
  }
}

function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
}
