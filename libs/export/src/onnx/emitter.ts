import { constantOf, countUses, type Node, typeOf, type Value } from "@anneal/graph";
import { type Dim, isFixed } from "../model/dims.ts";
import { type PredictModel, sourceOf } from "../model/predict-model.ts";
import { permuteSource, reshapeSource, type TensorSource } from "../model/tensor-source.ts";
import { OnnxBuilder } from "./builder.ts";
import { isOnnxDtype, onnxDtypes, onnxInt, onnxInts } from "./onnx-graph.ts";
import { inOrder, isPlain, keyOf, type Order, permutationBetween, plainOrder } from "./orders.ts";
import type { OnnxResult } from "./row.ts";

/** What the file has of a value. */
interface Known {
  readonly dims: readonly Dim[];
  /** Of a weight or a constant. */
  readonly source: TensorSource | null;
  /** Names by the order of the axes in memory. */
  readonly inMemory: Map<string, { readonly name: string; readonly order: Order }>;
}

/** Names of the values of a graph while it is written, each in the orders that were asked for. */
export class OnnxEmitter {
  readonly builder = new OnnxBuilder();
  readonly model: PredictModel;
  /** How often a value is taken. */
  readonly numUses: (value: Value) => number;
  readonly #known = new Map<Node, Map<number, Known>>();
  #batchSize: string | null = null;

  constructor(model: PredictModel) {
    this.model = model;
    this.numUses = countUses(model.graph);
  }

  /** From now on a value is there under this name. */
  define(value: Value, { name, order }: OnnxResult): void {
    const known = this.#of(value);
    const found = order ?? plainOrder(known.dims.length);
    known.inMemory.set(keyOf(found), { name, order: found });
  }

  dims(value: Value): readonly Dim[] {
    return this.#of(value).dims;
  }

  source(value: Value): TensorSource | null {
    return this.#of(value).source;
  }

  /** The orders that a computed value is there in, the one that it was made in first. */
  orders(value: Value): readonly Order[] {
    return [...this.#of(value).inMemory.values()].map(({ order }) => order);
  }

  /** All names of a value, and the order that each has. */
  memory(value: Value): readonly Required<OnnxResult>[] {
    return [...this.#of(value).inMemory.values()];
  }

  /** The name of a value in this order; a tensor of the file, or a transpose, where it is not there yet. */
  nameOf(value: Value, order: Order = plainOrder(this.dims(value).length)): string {
    const known = this.#of(value);
    const key = keyOf(order);
    const found = known.inMemory.get(key);
    if (found !== undefined) return found.name;
    if (known.source === null && value.node.op === "Const" && known.inMemory.size === 0) {
      this.define(value, { name: this.#growing(value) });
      return this.nameOf(value, order);
    }
    const name =
      known.source === null
        ? this.#transposed(value, known, order)
        : this.builder.tensor(nameOfSource(value), permuteSource(known.source, order));
    known.inMemory.set(key, { name, order });
    return name;
  }

  /** A weight or a constant to be broadcast to `rank` axes that lie in this order. */
  nameOfBroadcast(value: Value, order: Order): string {
    const source = this.source(value)!;
    const { shape } = source.type;
    if (shape.length === order.length) return this.nameOf(value, order);
    if (shape.every((size) => size === 1) || isPlain(order)) return this.nameOf(value);
    const { inMemory } = this.#of(value);
    const key = `broadcast ${keyOf(order)}`;
    const padded = [...order.slice(shape.length).map(() => 1), ...shape];
    const name =
      inMemory.get(key)?.name ??
      this.builder.tensor(nameOfSource(value), permuteSource(reshapeSource(source, padded), order));
    inMemory.set(key, { name, order });
    return name;
  }

  /** The same values in another shape. */
  reshaped(name: string, dims: readonly Dim[], scope: string): string {
    const numGrowing = dims.filter((dim) => !isFixed(dim)).length;
    const isEmpty = dims.includes(0);
    const shape =
      numGrowing === 0 || (numGrowing === 1 && !isEmpty)
        ? this.builder.ints(dims.map((dim) => (isFixed(dim) ? dim : -1)))
        : this.shape(dims);
    const attributes = isEmpty ? { allowzero: onnxInt(1) } : {};
    return this.builder.call("Reshape", [name, shape], { attributes, scope })[0]!;
  }

  /** A shape as int64 `[rank]`. */
  shape(dims: readonly Dim[]): string {
    if (dims.every(isFixed)) return this.builder.ints(dims);
    const parts = dims.map((dim) => (isFixed(dim) ? this.builder.ints([dim]) : this.#times(dim.perSample)));
    return parts.length === 1
      ? parts[0]!
      : this.builder.call("Concat", parts, { attributes: { axis: onnxInt(0) } })[0]!;
  }

  /** So many for each sample, int64 `[1]`. */
  #times(perSample: number): string {
    this.#batchSize ??= this.#measureBatch();
    return perSample === 1
      ? this.#batchSize
      : this.builder.call("Mul", [this.#batchSize, this.builder.ints([perSample])])[0]!;
  }

  #measureBatch(): string {
    for (const { value } of this.model.inputs) {
      const axis = this.dims(value).findIndex((dim) => !isFixed(dim));
      const dim = this.dims(value)[axis];
      if (dim === undefined || isFixed(dim) || dim.perSample !== 1) continue;
      const attributes = { start: onnxInt(axis), end: onnxInt(axis + 1) };
      return this.builder.call("Shape", [this.nameOf(value)], { attributes })[0]!;
    }
    throw new RangeError("no input has as many values along an axis as the batch has samples");
  }

  /** A constant that is larger for larger batches: one number that fills a shape, or a list of sizes. */
  #growing(value: Value): string {
    const { data, dtype } = constantOf(value)!;
    const sizes = this.model.dims.intsOf(value);
    if (sizes?.some((size) => !isFixed(size))) {
      return this.builder.call("Cast", [this.shape(sizes)], { attributes: { to: onnxInt(onnxDtypes.int32) } })[0]!;
    }
    if (!isOnnxDtype(dtype)) throw new RangeError(`no file holds constants of ${dtype}`);
    const number = this.builder.scalar(Number(data[0]), dtype);
    return this.builder.call("Expand", [number, this.shape(this.dims(value))])[0]!;
  }

  #transposed(value: Value, { dims, inMemory }: Known, order: Order): string {
    const made = inMemory.values().next().value;
    if (made === undefined) throw new RangeError(`${value.node.op} was not written yet`);
    const { scope } = value.node;
    const isMoved = (from: Order) => from.filter((axis) => dims[axis] !== 1).join();
    // Axes of size 1 may change places without any value doing so.
    if (isMoved(made.order) === isMoved(order)) return this.reshaped(made.name, inOrder(dims, order), scope);
    const attributes = { perm: onnxInts(permutationBetween(made.order, order)) };
    return this.builder.call("Transpose", [made.name], { attributes, scope })[0]!;
  }

  #of(value: Value): Known {
    const { node, index } = value;
    let outputs = this.#known.get(node);
    if (outputs === undefined) {
      outputs = new Map();
      this.#known.set(node, outputs);
    }
    let found = outputs.get(index);
    if (found === undefined) {
      const dims = this.#dimsOf(value);
      const grows = dims.some((dim) => !isFixed(dim)) || this.#holdsSizes(value);
      found = { dims, source: grows ? null : sourceOf(this.model.weights, value), inMemory: new Map() };
      outputs.set(index, found);
    }
    return found;
  }

  #holdsSizes(value: Value): boolean {
    return value.node.op === "Const" && (this.model.dims.intsOf(value)?.some((size) => !isFixed(size)) ?? false);
  }

  #dimsOf(value: Value): readonly Dim[] {
    return value.node.op === "ReadVariableOp" ? typeOf(value).shape : this.model.dims.dimsOf(value);
  }
}

/** What a weight or a constant is called. */
export function nameOfSource({ node }: Value): string {
  if (node.op === "ReadVariableOp") return node.inputs[0]!.node.name ?? "weight";
  return node.scope === "" ? "constant" : `${node.scope}/constant`;
}
