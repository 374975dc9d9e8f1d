import { sizeOf, type TensorType } from "@anneal/graph";
import type { TensorData, TensorSource } from "../model/tensor-source.ts";
import { isOnnxDtype, type OnnxAttributes, type OnnxDtype, type OnnxInitializer, type OnnxNode } from "./onnx-graph.ts";

/** Collects the nodes and tensors of a model under names of their own. */
export class OnnxBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxInitializer[] = [];
  readonly #names = new Set<string>();
  readonly #numbers = new Map<string, number>();
  readonly #producers = new Map<string, OnnxNode>();
  readonly #small = new Map<string, string>();

  /** A name that no other value has: `wanted`, or the same with a number. */
  name(wanted: string): string {
    const base = wanted === "" ? "value" : wanted;
    for (;;) {
      const number = this.#numbers.get(base) ?? 0;
      this.#numbers.set(base, number + 1);
      const name = number === 0 ? base : `${base}_${number}`;
      if (this.#names.has(name)) continue;
      this.#names.add(name);
      return name;
    }
  }

  /** Adds a call; returns the names of its outputs. */
  call(
    op: string,
    inputs: readonly string[],
    { attributes = {}, scope = "", numOutputs = 1 }: CallOptions = {},
  ): readonly string[] {
    const base = scope === "" ? op : `${scope}/${op}`;
    const outputs = Array.from({ length: numOutputs }, () => this.name(base));
    const node = { op, inputs, outputs, attributes, scope };
    this.nodes.push(node);
    for (const name of outputs) this.#producers.set(name, node);
    return outputs;
  }

  /** The call that an output of this name comes from. */
  producerOf(name: string): OnnxNode | null {
    return this.#producers.get(name) ?? null;
  }

  /** Adds a tensor whose values are read when the model is written. */
  tensor(wanted: string, { type, read }: TensorSource): string {
    const { dtype, shape } = type;
    if (!isOnnxDtype(dtype)) throw new RangeError(`no file holds constants of ${dtype}`);
    return this.#initializer(wanted, dtype, shape, () => bytesOf(read(), type));
  }

  /** A small tensor of whole numbers, as many calls need for shapes and axes. The same numbers are one tensor. */
  ints(
    values: readonly number[],
    shape: readonly number[] = [values.length],
    dtype: "int32" | "int64" = "int64",
  ): string {
    const read = (): Uint8Array =>
      bytesOfArray(dtype === "int64" ? BigInt64Array.from(values.map(BigInt)) : Int32Array.from(values));
    return this.#shared(`${dtype}[${shape}]:${values}`, dtype, shape, read);
  }

  /** One number of a dtype, of shape []. The same number is one tensor. */
  scalar(value: number, dtype: OnnxDtype): string {
    const data = scalarData[dtype](value);
    return this.#shared(`${dtype}:${Object.is(value, -0) ? "-0" : value}`, dtype, [], () => bytesOfArray(data));
  }

  #shared(key: string, dtype: OnnxDtype, shape: readonly number[], read: () => Uint8Array): string {
    const known = this.#small.get(key);
    if (known !== undefined) return known;
    const name = this.#initializer("constant", dtype, shape, read);
    this.#small.set(key, name);
    return name;
  }

  #initializer(wanted: string, dtype: OnnxDtype, shape: readonly number[], read: () => Uint8Array): string {
    const name = this.name(wanted);
    this.initializers.push({ name, dtype, shape, read });
    return name;
  }
}

interface CallOptions {
  readonly attributes?: OnnxAttributes;
  readonly scope?: string;
  readonly numOutputs?: number;
}

const scalarData: Readonly<Record<OnnxDtype, (value: number) => ArrayBufferView>> = {
  float32: (value) => Float32Array.of(value),
  float16: (value) => Float16Array.of(value),
  uint8: (value) => Uint8Array.of(value),
  int8: (value) => Int8Array.of(value),
  bool: (value) => Uint8Array.of(value),
  int32: (value) => Int32Array.of(value),
  int64: (value) => BigInt64Array.of(BigInt(value)),
};

function bytesOf(data: TensorData, { shape }: TensorType): Uint8Array {
  if (data.length !== sizeOf(shape)) throw new RangeError(`${data.length} values for the shape [${shape}]`);
  return bytesOfArray(data);
}

export function bytesOfArray({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
