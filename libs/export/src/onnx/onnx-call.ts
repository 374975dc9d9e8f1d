import {
  type AttributeValues,
  type Dtype,
  type Node,
  readAttribute,
  type TensorType,
  typeOf,
  type Value,
} from "@anneal/graph";
import { type Dim, fixedShape, isFixed } from "../model/dims.ts";
import type { TensorSource } from "../model/tensor-source.ts";
import { unsupportedOp } from "../unsupported.ts";
import { nameOfSource, type OnnxEmitter } from "./emitter.ts";
import {
  isOnnxDtype,
  type OnnxAttributes,
  type OnnxDtype,
  type OnnxNode,
  onnxDtypes,
  onnxInt,
  onnxInts,
} from "./onnx-graph.ts";
import { channelsFirst, isPlain, keyOf, type Order, plainOrder } from "./orders.ts";
import type { OnnxResult } from "./row.ts";

/** A call of an op of the graph, as the row that writes it sees it. */
export class OnnxCall {
  readonly node: Node;
  readonly #emitter: OnnxEmitter;

  constructor(node: Node, emitter: OnnxEmitter) {
    this.node = node;
    this.#emitter = emitter;
  }

  get numInputs(): number {
    return this.node.inputs.length;
  }

  /** The input's name, its axes in their own order. */
  input(index: number): string {
    return this.#emitter.nameOf(this.#value(index));
  }

  inputs(): readonly string[] {
    return this.node.inputs.map((_, index) => this.input(index));
  }

  /** The input's name, its axes in this order. */
  inputIn(index: number, order: Order): string {
    return this.#emitter.nameOf(this.#value(index), order);
  }

  /** An image or a volume as ONNX's windows take it, `[batch, channels, ...]`. */
  imageInput(index: number): string {
    return this.inputIn(index, channelsFirst(this.rank(index)));
  }

  /** A result whose channels come first. */
  image(name: string): OnnxResult {
    return { name, order: channelsFirst(this.outputDims(0).length) };
  }

  /** The order that an input is there in, if that is not its own; else its own. */
  orderOf(index: number): Order {
    const value = this.#value(index);
    const plain = plainOrder(this.rank(index));
    if (this.#emitter.source(value) !== null) return plain;
    const orders = this.#emitter.orders(value);
    return orders.find((order) => !isPlain(order)) ?? plain;
  }

  /** An order that suits inputs which are broadcast with each other, and their names in it. */
  broadcast(indices: readonly number[]): { readonly order: Order; readonly names: readonly string[] } {
    const rank = this.node.outputs[0]!.shape.length;
    const order = this.#commonOrder(indices, rank);
    return { order, names: indices.map((index) => this.#broadcastInput(index, order)) };
  }

  type(index: number): TensorType {
    return typeOf(this.#value(index));
  }

  /** The dtype of an input, which has to be one that ONNX has. */
  dtype(index: number): OnnxDtype {
    return this.#onnxDtype(this.type(index).dtype);
  }

  outputDtype(index = 0): OnnxDtype {
    return this.#onnxDtype(this.node.outputs[index]!.dtype);
  }

  dims(index: number): readonly Dim[] {
    return this.#emitter.dims(this.#value(index));
  }

  rank(index: number): number {
    return this.type(index).shape.length;
  }

  outputDims(index: number): readonly Dim[] {
    return this.#emitter.dims({ node: this.node, index });
  }

  /** The size of an axis that does not grow with the batch. */
  fixedSize(index: number, axis: number): number {
    const size = this.dims(index).at(axis);
    return size !== undefined && isFixed(size) ? size : this.fail(`needs an axis ${axis} of one size for all batches`);
  }

  /** The values of a weight or a constant; null for what is computed or fed. */
  source(index: number): TensorSource | null {
    return this.#emitter.source(this.#value(index));
  }

  /** Whether the graph knows an input's values, or how they grow with the batch. */
  isKnown(index: number): boolean {
    return this.#emitter.model.dims.intsOf(this.#value(index)) !== null;
  }

  /** Whole numbers that the graph knows, of which some may grow with the batch. */
  dimsGiven(index: number): readonly Dim[] {
    return (
      this.#emitter.model.dims.intsOf(this.#value(index)) ?? this.fail(`needs to know its input ${index} beforehand`)
    );
  }

  ints(index: number): readonly number[] {
    return fixedShape(this.dimsGiven(index)) ?? this.fail(`has an input ${index} that grows with the batch`);
  }

  int(index: number): number {
    const [value, ...more] = this.ints(index);
    return value !== undefined && more.length === 0 ? value : this.fail(`needs one number as its input ${index}`);
  }

  /** Axes that an input lists, counted from the front. */
  axes(index: number, rank: number): readonly number[] {
    return this.ints(index).map((axis) => (axis < 0 ? axis + rank : axis));
  }

  attribute<K extends keyof AttributeValues>(name: string, kind: K, fallback: AttributeValues[K]): AttributeValues[K] {
    return readAttribute(this.node.attributes, name, kind) ?? fallback;
  }

  /** Adds a node with one output. */
  emit(op: string, inputs: readonly string[], attributes: OnnxAttributes = {}): string {
    return this.emitAll(op, inputs, attributes, 1)[0]!;
  }

  emitAll(op: string, inputs: readonly string[], attributes: OnnxAttributes, numOutputs: number): readonly string[] {
    return this.#emitter.builder.call(op, inputs, { attributes, scope: this.node.scope, numOutputs });
  }

  /**
   * The call that makes an input, once more with further inputs, if nobody else takes what it makes: the first is then not written. Null
   * where it is another op or somebody does.
   */
  withFurther(
    index: number,
    onnxOps: readonly string[],
    order: Order,
    further: () => readonly string[],
  ): OnnxNode | null {
    const value = this.#value(index);
    const node = this.#emitter.builder.producerOf(this.inputIn(index, order));
    if (node === null || !onnxOps.includes(node.op) || this.#emitter.numUses(value) !== 1) return null;
    return { ...node, inputs: [...node.inputs, ...further()] };
  }

  cast(name: string, to: OnnxDtype): string {
    return this.emit("Cast", [name], { to: onnxInt(onnxDtypes[to]) });
  }

  reshaped(name: string, dims: readonly Dim[]): string {
    return this.#emitter.reshaped(name, dims, this.node.scope);
  }

  transposed(name: string, permutation: readonly number[]): string {
    return isPlain(permutation) ? name : this.emit("Transpose", [name], { perm: onnxInts(permutation) });
  }

  /** A shape as int64 `[rank]`. */
  shape(dims: readonly Dim[]): string {
    return this.#emitter.shape(dims);
  }

  constants(values: readonly number[], shape?: readonly number[], dtype?: "int32" | "int64"): string {
    return this.#emitter.builder.ints(values, shape, dtype);
  }

  scalar(value: number, dtype: OnnxDtype = "float32"): string {
    return this.#emitter.builder.scalar(value, dtype);
  }

  /** A tensor of the file, under the name of the input that it is made of, if it is made of one. */
  tensor(source: TensorSource, index?: number): string {
    const { scope } = this.node;
    const name = scope === "" ? "constant" : `${scope}/constant`;
    return this.#emitter.builder.tensor(index === undefined ? name : nameOfSource(this.#value(index)), source);
  }

  /** One value at every place. */
  filled(name: string, dims: readonly Dim[]): string {
    return this.emit("Expand", [name, this.shape(dims)]);
  }

  /** Positions or parts of an axis of memory. */
  sliced(
    name: string,
    ranges: readonly { readonly axis: number; readonly from: number; readonly to: number; readonly step?: number }[],
  ): string {
    if (ranges.length === 0) return name;
    const of = (pick: (range: (typeof ranges)[number]) => number) => this.constants(ranges.map(pick));
    return this.emit("Slice", [
      name,
      of(({ from }) => from),
      of(({ to }) => to),
      of(({ axis }) => axis),
      of(({ step = 1 }) => step),
    ]);
  }

  /** @throws AnnealError EXPORT_UNSUPPORTED */
  fail(problem: string): never {
    throw unsupportedOp("ONNX", this.node, problem);
  }

  #commonOrder(indices: readonly number[], rank: number): Order {
    const full = indices.filter(
      (index) => this.rank(index) === rank && this.#emitter.source(this.#value(index)) === null,
    );
    const counts = new Map<string, { readonly order: Order; count: number }>();
    for (const index of full) {
      for (const order of this.#emitter.orders(this.#value(index))) {
        const found = counts.get(keyOf(order)) ?? { order, count: 0 };
        found.count += 1;
        counts.set(keyOf(order), found);
      }
    }
    const most = Math.max(0, ...[...counts.values()].map(({ count }) => count));
    const best = [...counts.values()].filter(({ count }) => count === most).map(({ order }) => order);
    return best.find((order) => !isPlain(order)) ?? best[0] ?? plainOrder(rank);
  }

  #broadcastInput(index: number, order: Order): string {
    const value = this.#value(index);
    if (this.#emitter.source(value) !== null) return this.#emitter.nameOfBroadcast(value, order);
    if (this.rank(index) === order.length) return this.inputIn(index, order);
    const dims = this.dims(index);
    if (isPlain(order) || dims.every((dim) => dim === 1)) return this.input(index);
    const padded = [...order.slice(dims.length).map(() => 1), ...dims];
    return this.transposed(this.reshaped(this.input(index), padded), order);
  }

  #onnxDtype(dtype: Dtype): OnnxDtype {
    return isOnnxDtype(dtype) ? dtype : this.fail(`has a value of ${dtype}`);
  }

  #value(index: number): Value {
    return this.node.inputs[index] ?? this.fail(`needs an input ${index}`);
  }
}
