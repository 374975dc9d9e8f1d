import { constantOf, countUses, type Node, typeOf, type Value } from "@anneal/graph";
import { type Dim, isFixed } from "../model/dims.ts";
import { type PredictModel, sourceOf } from "../model/predict-model.ts";
import { permuteSource, type TensorSource } from "../model/tensor-source.ts";
import { TfliteBuilder } from "./builder.ts";
import { table } from "./flatbuffer.ts";
import { isTfliteDtype, type TfliteTensor } from "./tflite-graph.ts";

/** Tensors of the values of a graph while it is written. */
export class TfliteEmitter {
  readonly builder = new TfliteBuilder();
  readonly model: PredictModel;
  /** How often a value is taken. */
  readonly numUses: (value: Value) => number;
  readonly #computed = new Map<Node, Map<number, TfliteTensor>>();
  readonly #weights = new Map<Node, Map<string, TfliteTensor>>();
  #batchSize: TfliteTensor | null = null;

  constructor(model: PredictModel) {
    this.model = model;
    this.numUses = countUses(model.graph);
  }

  /** From now on a value is this tensor. */
  define({ node, index }: Value, tensor: TfliteTensor): void {
    const outputs = this.#computed.get(node) ?? new Map<number, TfliteTensor>();
    outputs.set(index, tensor);
    this.#computed.set(node, outputs);
  }

  /** Whether the file has the value. */
  has({ node, index }: Value): boolean {
    return this.#computed.get(node)?.has(index) ?? false;
  }

  dims(value: Value): readonly Dim[] {
    return value.node.op === "ReadVariableOp" ? typeOf(value).shape : this.model.dims.dimsOf(value);
  }

  /** The values of a weight or a constant that is the same for every batch. */
  source(value: Value): TensorSource | null {
    return this.#grows(value) ? null : sourceOf(this.model.weights, value);
  }

  /** The tensor of a value. */
  tensorOf(value: Value): TfliteTensor {
    const found = this.#computed.get(value.node)?.get(value.index);
    if (found !== undefined) return found;
    const source = this.source(value);
    if (source !== null) return this.weight(value, "plain", () => source);
    if (value.node.op !== "Const") throw new RangeError(`${value.node.op} was not written yet`);
    this.define(value, this.#growing(value));
    return this.tensorOf(value);
  }

  /** A tensor that is made of a weight or a constant, once for each `kind`. */
  weight(value: Value, kind: string, derive: () => TensorSource): TfliteTensor {
    const kinds = this.#weights.get(value.node) ?? new Map<string, TfliteTensor>();
    this.#weights.set(value.node, kinds);
    const found = kinds.get(kind) ?? this.builder.tensor(nameOfSource(value), derive());
    kinds.set(kind, found);
    return found;
  }

  /** The tensor of a value with its axes in another order: another weight, or a transpose. */
  permuted(value: Value, order: readonly number[]): TfliteTensor {
    if (order.every((axis, index) => axis === index)) return this.tensorOf(value);
    const source = this.source(value);
    if (source !== null) return this.weight(value, `${order}`, () => permuteSource(source, order));
    return this.transposed(this.tensorOf(value), order, value.node.scope);
  }

  transposed(tensor: TfliteTensor, order: readonly number[], scope: string): TfliteTensor {
    if (order.every((axis, index) => axis === index)) return tensor;
    const dims = order.map((axis) => tensor.dims[axis]!);
    return this.builder.call("TRANSPOSE", [tensor, this.builder.ints(order)], { dims, scope });
  }

  /** The same values in another shape. */
  reshaped(tensor: TfliteTensor, dims: readonly Dim[], scope: string): TfliteTensor {
    if (sameDims(tensor.dims, dims)) return tensor;
    // An empty list of sizes would be a tensor without values, which runtimes take for one that is computed.
    if (dims.length === 0) {
      const options = table("SqueezeOptions", { squeezeDims: Int32Array.from(tensor.dims.keys()) });
      return this.builder.call("SQUEEZE", [tensor], { dims, options, scope });
    }
    const isOpen = dims.filter((dim) => !isFixed(dim)).length === 1 && !dims.includes(0);
    const shape = isOpen ? this.builder.ints(dims.map((dim) => (isFixed(dim) ? dim : -1))) : this.shape(dims);
    const options = table("ReshapeOptions", isOpen || dims.every(isFixed) ? { newShape: numbersOf(dims) } : {});
    return this.builder.call("RESHAPE", [tensor, shape], { dims, options, scope });
  }

  /** A shape as int32 `[rank]`. */
  shape(dims: readonly Dim[]): TfliteTensor {
    if (dims.every(isFixed)) return this.builder.ints(dims);
    const parts = dims.map((dim) => (isFixed(dim) ? this.builder.ints([dim]) : this.#times(dim.perSample)));
    const options = table("ConcatenationOptions", { axis: 0 });
    return parts.length === 1
      ? parts[0]!
      : this.builder.call("CONCATENATION", parts, { options, dims: [parts.length], dtype: "int32" });
  }

  /** So many for each sample, int32 `[1]`. */
  #times(perSample: number): TfliteTensor {
    this.#batchSize ??= this.#measureBatch();
    if (perSample === 1) return this.#batchSize;
    const options = table("MulOptions", {});
    return this.builder.call("MUL", [this.#batchSize, this.builder.ints([perSample])], { options });
  }

  #measureBatch(): TfliteTensor {
    for (const { value } of this.model.inputs) {
      const dims = this.dims(value);
      const axis = dims.findIndex((dim) => !isFixed(dim) && dim.perSample === 1);
      if (axis < 0) continue;
      const options = table("ShapeOptions", { outType: 2 });
      const sizes = this.builder.call("SHAPE", [this.tensorOf(value)], {
        options,
        dims: [dims.length],
        dtype: "int32",
      });
      return this.builder.call("SLICE", [sizes, this.builder.ints([axis]), this.builder.ints([1])], { dims: [1] });
    }
    throw new RangeError("no input has as many values along an axis as the batch has samples");
  }

  /** A constant that is larger for larger batches: one number that fills a shape, or a list of sizes. */
  #growing(value: Value): TfliteTensor {
    const { data, dtype } = constantOf(value)!;
    const sizes = this.model.dims.intsOf(value);
    if (sizes?.some((size) => !isFixed(size))) return this.shape(sizes);
    if (!isTfliteDtype(dtype)) throw new RangeError(`no file holds constants of ${dtype}`);
    const dims = this.dims(value);
    return this.builder.call("FILL", [this.shape(dims), this.builder.numbers([Number(data[0])], dtype)], {
      dims,
      dtype,
    });
  }

  #grows(value: Value): boolean {
    const isList = value.node.op === "Const" && this.model.dims.intsOf(value)?.some((size) => !isFixed(size));
    return isList === true || this.dims(value).some((dim) => !isFixed(dim));
  }
}

function sameDims(a: readonly Dim[], b: readonly Dim[]): boolean {
  const same = (one: Dim, other: Dim) =>
    isFixed(one) || isFixed(other) ? one === other : one.perSample === other.perSample;
  return a.length === b.length && a.every((dim, axis) => same(dim, b[axis]!));
}

function numbersOf(dims: readonly Dim[]): Int32Array {
  return Int32Array.from(dims, (dim) => (isFixed(dim) ? dim : -1));
}

/** What a weight or a constant is called. */
function nameOfSource({ node }: Value): string {
  if (node.op === "ReadVariableOp") return node.inputs[0]!.node.name ?? "weight";
  return node.scope === "" ? "constant" : `${node.scope}/constant`;
}
