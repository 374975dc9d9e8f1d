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
import type { CallOptions } from "./builder.ts";
import type { TfliteEmitter } from "./emitter.ts";
import { table } from "./flatbuffer.ts";
import { tfliteTensorType } from "./schema/tflite-schema.ts";
import {
  isTfliteDtype,
  type TfliteDtype,
  type TfliteOp,
  type TfliteOpName,
  type TfliteTensor,
  tfliteDtypes,
} from "./tflite-graph.ts";

/** Places of an axis, from `from` up to before `to`, or down to after it where the step is negative. */
export interface AxisRange {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  readonly step?: number;
}

/** A call of an op of the graph, as the row that writes it sees it. */
export class TfliteCall {
  readonly node: Node;
  readonly #emitter: TfliteEmitter;

  constructor(node: Node, emitter: TfliteEmitter) {
    this.node = node;
    this.#emitter = emitter;
  }

  get numInputs(): number {
    return this.node.inputs.length;
  }

  input(index: number): TfliteTensor {
    this.dtype(index);
    return this.#emitter.tensorOf(this.#value(index));
  }

  inputs(): readonly TfliteTensor[] {
    return this.node.inputs.map((_, index) => this.input(index));
  }

  /** The input with its axes in another order: axis `i` is axis `order[i]`. */
  permutedInput(index: number, order: readonly number[]): TfliteTensor {
    return this.#emitter.permuted(this.#value(index), order);
  }

  /** A tensor of the file that is made of an input's values, once for each `kind`. */
  derived(index: number, kind: string, derive: () => TensorSource): TfliteTensor {
    return this.#emitter.weight(this.#value(index), kind, derive);
  }

  type(index: number): TensorType {
    return typeOf(this.#value(index));
  }

  /** The dtype of an input, which has to be one that the format has. */
  dtype(index: number): TfliteDtype {
    return this.#tfliteDtype(this.type(index).dtype);
  }

  outputDtype(index = 0): TfliteDtype {
    return this.#tfliteDtype(this.node.outputs[index]!.dtype);
  }

  dims(index: number): readonly Dim[] {
    return this.#emitter.dims(this.#value(index));
  }

  rank(index: number): number {
    return this.type(index).shape.length;
  }

  outputDims(index = 0): readonly Dim[] {
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

  /** Adds a call with one output; by default of the first input's dtype, and of the inputs' sizes broadcast to each other. */
  emit(
    op: TfliteOpName,
    inputs: readonly (TfliteTensor | null)[],
    made: Omit<CallOptions, "scope"> = {},
  ): TfliteTensor {
    const options = made.options ?? arithmeticOptions[op];
    return this.#emitter.builder.call(op, inputs, { ...made, scope: this.node.scope, ...(options ? { options } : {}) });
  }

  /** Adds a call that makes what this call of the graph makes. */
  emitAll(
    op: TfliteOpName,
    inputs: readonly TfliteTensor[],
    types: readonly { readonly dtype: TfliteDtype; readonly dims: readonly Dim[] }[],
    options: CallOptions["options"],
  ): readonly TfliteTensor[] {
    return this.#emitter.builder.callAll(op, inputs, types, { options, scope: this.node.scope });
  }

  /** The call that makes an input, if it is one of these ops and nobody else takes what it makes: it may be made anew, with more to do. */
  onlyProducer(index: number, ops: readonly TfliteOpName[]): TfliteOp | null {
    const value = this.#value(index);
    const made = this.#emitter.builder.producerOf(this.input(index));
    return made !== null && ops.includes(made.op) && this.#emitter.numUses(value) === 1 ? made : null;
  }

  cast(tensor: TfliteTensor, to: TfliteDtype): TfliteTensor {
    if (tensor.dtype === to) return tensor;
    const options = table("CastOptions", { inDataType: tfliteDtypes[tensor.dtype], outDataType: tfliteDtypes[to] });
    return this.emit("CAST", [tensor], { dtype: to, options });
  }

  reshaped(tensor: TfliteTensor, dims: readonly Dim[]): TfliteTensor {
    return this.#emitter.reshaped(tensor, dims, this.node.scope);
  }

  transposed(tensor: TfliteTensor, order: readonly number[]): TfliteTensor {
    return this.#emitter.transposed(tensor, order, this.node.scope);
  }

  /** A shape as int32 `[rank]`. */
  shape(dims: readonly Dim[]): TfliteTensor {
    return this.#emitter.shape(dims);
  }

  constants(values: readonly number[], shape?: readonly number[]): TfliteTensor {
    return this.#emitter.builder.ints(values, shape);
  }

  scalar(value: number, dtype: TfliteDtype = "float32"): TfliteTensor {
    return this.#emitter.builder.numbers([value], dtype);
  }

  numbers(values: readonly number[], dtype: TfliteDtype, shape: readonly number[]): TfliteTensor {
    return this.#emitter.builder.numbers(values, dtype, shape);
  }

  /** A tensor of the file. */
  tensor(source: TensorSource): TfliteTensor {
    const { scope } = this.node;
    return this.#emitter.builder.tensor(scope === "" ? "constant" : `${scope}/constant`, source);
  }

  /** One value at every place. */
  filled(value: TfliteTensor, dims: readonly Dim[]): TfliteTensor {
    return dims.length === 0 ? value : this.emit("FILL", [this.shape(dims), value], { dims, dtype: value.dtype });
  }

  /** Parts of axes; others as they are. */
  sliced(tensor: TfliteTensor, ranges: readonly AxisRange[]): TfliteTensor {
    if (ranges.length === 0) return tensor;
    const places = tensor.dims.map((_, axis) => ranges.find((range) => range.axis === axis) ?? null);
    const dims = tensor.dims.map((dim, axis): Dim => {
      const range = places[axis] ?? null;
      return range === null ? dim : Math.max(0, Math.ceil((range.to - range.from) / (range.step ?? 1)));
    });
    const all = (pick: (range: AxisRange) => number, other: number) =>
      this.constants(places.map((range) => (range === null ? other : pick(range))));
    // A negative end counts from the back: what lies before the first place is left open.
    const maskOf = (isOpen: (range: AxisRange | null) => boolean): number =>
      places.reduce((mask: number, range, axis) => (isOpen(range) ? mask | (1 << axis) : mask), 0);
    const options = table("StridedSliceOptions", {
      beginMask: maskOf((range) => range === null),
      endMask: maskOf((range) => range === null || range.to < 0),
    });
    const bounds = [all(({ from }) => from, 0), all(({ to }) => to, 0), all(({ step = 1 }) => step, 1)];
    return this.emit("STRIDED_SLICE", [tensor, ...bounds], { dims, options });
  }

  /** Values around: `margins` holds those before and after each axis. */
  padded(tensor: TfliteTensor, margins: readonly (readonly [number, number])[], value?: TfliteTensor): TfliteTensor {
    if (margins.every(([before, after]) => before === 0 && after === 0)) return tensor;
    const dims = tensor.dims.map((dim, axis): Dim => {
      const [before, after] = margins[axis]!;
      return isFixed(dim) ? dim + before + after : before + after === 0 ? dim : this.fail("pads the batch");
    });
    const sizes = this.constants(margins.flat(), [margins.length, 2]);
    return value === undefined
      ? this.emit("PAD", [tensor, sizes], { dims })
      : this.emit("PADV2", [tensor, sizes, value], { dims });
  }

  concatenated(parts: readonly TfliteTensor[], axis: number): TfliteTensor {
    if (parts.length === 1) return parts[0]!;
    const [first] = parts as [TfliteTensor];
    const total = parts.reduce((sum: number | null, { dims }) => {
      const size = dims[axis]!;
      return sum !== null && isFixed(size) ? sum + size : null;
    }, 0);
    const dims = first.dims.map((dim, index): Dim => (index === axis ? (total ?? this.outputDims()[axis]!) : dim));
    return this.emit("CONCATENATION", parts, { dims, options: table("ConcatenationOptions", { axis }) });
  }

  /** @throws AnnealError EXPORT_UNSUPPORTED */
  fail(problem: string): never {
    throw unsupportedOp("TensorFlow Lite", this.node, problem);
  }

  /** Most kernels take so many axes at most. */
  requireRank(most: number, ...tensors: readonly TfliteTensor[]): void {
    if (tensors.some(({ dims }) => dims.length > most)) this.fail(`has more than ${most} axes`);
  }

  #tfliteDtype(dtype: Dtype): TfliteDtype {
    return isTfliteDtype(dtype) ? dtype : this.fail(`has a value of ${dtype}`);
  }

  #value(index: number): Value {
    return this.node.inputs[index] ?? this.fail(`needs an input ${index}`);
  }
}

/** Of ops that may do more than one thing at once. */
const arithmeticOptions: Partial<Record<TfliteOpName, CallOptions["options"]>> = {
  ADD: table("AddOptions", {}),
  DIV: table("DivOptions", {}),
  MUL: table("MulOptions", {}),
  SUB: table("SubOptions", {}),
  SHAPE: table("ShapeOptions", { outType: tfliteTensorType.INT32 }),
};
