import { sizeOf, type TensorType } from "@anneal/graph";
import { type Dim, isFixed } from "../model/dims.ts";
import type { TensorData, TensorSource } from "../model/tensor-source.ts";
import type { Table } from "./flatbuffer.ts";
import {
  isTfliteDtype,
  type TfliteDtype,
  type TfliteOp,
  type TfliteOpName,
  type TfliteTensor,
} from "./tflite-graph.ts";

/** What an op makes, where that is not what follows from its inputs. */
export interface CallOptions {
  readonly options?: Table;
  readonly scope?: string;
  readonly dims?: readonly Dim[];
  readonly dtype?: TfliteDtype;
}

/** Collects the calls and tensors of a model under names of their own. */
export class TfliteBuilder {
  readonly ops: TfliteOp[] = [];
  readonly #names = new Set<string>();
  readonly #numbers = new Map<string, number>();
  readonly #producers = new Map<TfliteTensor, TfliteOp>();
  readonly #small = new Map<string, TfliteTensor>();

  /** A name that no other tensor has: `wanted`, or the same with a number. */
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

  /**
   * Adds a call with one output. By default that is of the first input's dtype, and has the sizes of all inputs broadcast to each other.
   */
  call(
    op: TfliteOpName,
    inputs: readonly (TfliteTensor | null)[],
    { options, scope = "", dims, dtype }: CallOptions = {},
  ): TfliteTensor {
    const given = inputs.filter((input) => input !== null);
    const type = { dtype: dtype ?? given[0]!.dtype, dims: dims ?? broadcastDims(given.map((input) => input.dims)) };
    return this.callAll(op, inputs, [type], { options, scope })[0]!;
  }

  /** Adds a call with several outputs. */
  callAll(
    op: TfliteOpName,
    inputs: readonly (TfliteTensor | null)[],
    types: readonly { readonly dtype: TfliteDtype; readonly dims: readonly Dim[] }[],
    { options, scope = "" }: { readonly options?: Table | undefined; readonly scope?: string } = {},
  ): readonly TfliteTensor[] {
    const base = scope === "" ? op : `${scope}/${op}`;
    const outputs = types.map(({ dtype, dims }): TfliteTensor => ({ name: this.name(base), dtype, dims, read: null }));
    const node: TfliteOp = { op, inputs, outputs, options: options ?? null, activation: "NONE", scope };
    this.ops.push(node);
    for (const output of outputs) this.#producers.set(output, node);
    return outputs;
  }

  /** The call that makes a tensor. */
  producerOf(tensor: TfliteTensor): TfliteOp | null {
    return this.#producers.get(tensor) ?? null;
  }

  /** A tensor whose values are read when the model is written. */
  tensor(wanted: string, { type, read }: TensorSource): TfliteTensor {
    const { dtype, shape } = type;
    if (!isTfliteDtype(dtype)) throw new RangeError(`no file holds constants of ${dtype}`);
    return { name: this.name(wanted), dtype, dims: shape, read: () => bytesOf(read(), type) };
  }

  /** A small tensor of whole numbers, as many calls need for shapes and axes. The same numbers are one tensor. */
  ints(values: readonly number[], shape: readonly number[] = [values.length]): TfliteTensor {
    return this.#shared("int32", shape, values);
  }

  /** Numbers of a dtype, by default one of shape []. The same numbers are one tensor. */
  numbers(values: readonly number[], dtype: TfliteDtype, shape: readonly number[] = []): TfliteTensor {
    return this.#shared(dtype, shape, values);
  }

  #shared(dtype: TfliteDtype, shape: readonly number[], values: readonly number[]): TfliteTensor {
    const key = `${dtype}[${shape}]:${values.map((value) => (Object.is(value, -0) ? "-0" : value))}`;
    let found = this.#small.get(key);
    if (found === undefined) {
      const read = (): Uint8Array => bytesOfArray(arrayOf[dtype](values));
      found = { name: this.name("constant"), dtype, dims: shape, read };
      this.#small.set(key, found);
    }
    return found;
  }
}

/** Sizes of values that are broadcast to each other. */
function broadcastDims(all: readonly (readonly Dim[])[]): readonly Dim[] {
  const rank = Math.max(0, ...all.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis): Dim => {
    const sizes = all.flatMap((dims) => dims[axis - rank + dims.length] ?? []);
    return sizes.find((size) => !isFixed(size)) ?? sizes.find((size) => size !== 1) ?? 1;
  });
}

const arrayOf: Readonly<Record<TfliteDtype, (values: readonly number[]) => ArrayBufferView>> = {
  float32: (values) => Float32Array.from(values),
  float16: (values) => Float16Array.from(values),
  uint8: (values) => Uint8Array.from(values),
  int8: (values) => Int8Array.from(values),
  bool: (values) => Uint8Array.from(values),
  int32: (values) => Int32Array.from(values),
  int64: (values) => BigInt64Array.from(values, BigInt),
};

function bytesOf(data: TensorData, { shape }: TensorType): Uint8Array {
  if (data.length !== sizeOf(shape)) throw new RangeError(`${data.length} values for the shape [${shape}]`);
  return bytesOfArray(data);
}

export function bytesOfArray({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
