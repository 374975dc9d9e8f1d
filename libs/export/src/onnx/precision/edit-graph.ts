import { bytesOfArray } from "../builder.ts";
import type { OnnxGraph, OnnxInitializer, OnnxNode } from "../onnx-graph.ts";

/** Of smaller tensors there is nothing to gain. */
const leastValues = 1024;

/** A graph while a pass rewrites it. */
export class GraphEdit {
  readonly nodes: OnnxNode[] = [];
  readonly added: OnnxInitializer[] = [];
  readonly #graph: OnnxGraph;
  readonly #names: Set<string>;
  readonly #initializers: ReadonlyMap<string, OnnxInitializer>;

  constructor(graph: OnnxGraph) {
    this.#graph = graph;
    this.#initializers = new Map(graph.initializers.map((initializer) => [initializer.name, initializer]));
    const values = [...graph.inputs, ...graph.outputs, ...graph.initializers].map(({ name }) => name);
    this.#names = new Set([...values, ...graph.nodes.flatMap(({ outputs }) => outputs)]);
  }

  /** A name that no other value has. */
  name(wanted: string): string {
    let name = wanted;
    for (let number = 1; this.#names.has(name); number++) name = `${wanted}_${number}`;
    this.#names.add(name);
    return name;
  }

  /** A tensor of the file that is still as it was. */
  initializer(name: string | undefined): OnnxInitializer | null {
    return this.#initializers.get(name ?? "") ?? null;
  }

  /** Adds a node with one output, which has this name or one like it. */
  emit(node: Omit<OnnxNode, "outputs"> & { readonly wanted: string }): string {
    const { wanted, ...call } = node;
    const output = this.name(wanted);
    this.nodes.push({ ...call, outputs: [output] });
    return output;
  }

  tensor(initializer: OnnxInitializer): string {
    const name = this.name(initializer.name);
    this.added.push({ ...initializer, name });
    return name;
  }

  /** One float32, or one for each of a list of channels that are broadcast to `shape`. */
  floats(wanted: string, values: ArrayLike<number>, shape: readonly number[]): string {
    return this.tensor({ name: wanted, dtype: "float32", shape, read: () => bytesOfArray(Float32Array.from(values)) });
  }

  /** The graph as it is now: with tensors that no node takes left out. */
  finish(): OnnxGraph {
    const taken = new Set(this.nodes.flatMap(({ inputs }) => inputs));
    const initializers = [...this.#graph.initializers, ...this.added].filter(({ name }) => taken.has(name));
    return { ...this.#graph, nodes: this.nodes, initializers };
  }
}

/** Whether a tensor is a weight that is worth another number format. */
export function isLargeWeight({ dtype, shape }: OnnxInitializer): boolean {
  return dtype === "float32" && shape.reduce((product, size) => product * size, 1) >= leastValues;
}

export function floatsOf({ read }: OnnxInitializer): Float32Array {
  const bytes = read();
  // A copy, where values do not lie at a multiple of their size.
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(buffer, byteOffset, byteLength / 4);
}

/** What stands for a weight of zero where weights are uint8. */
export const zeroOfWeights = 128;

/**
 * Weights as uint8, 128 above what they are. By unsigned inputs, ONNX Runtime multiplies signed weights with an instruction (`vpmaddubsw`) whose sums of two
 * products end at 16 bits, on x86 processors without VNNI: large values are cut off, silently. Unsigned weights are multiplied exactly on all.
 */
export function unsignedBytes(weights: Int8Array): Uint8Array {
  return Uint8Array.from(weights, (weight) => weight + zeroOfWeights);
}

/** How often each name is taken, by nodes. */
export function countTaken({ nodes }: OnnxGraph): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of nodes.flatMap(({ inputs }) => inputs)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
