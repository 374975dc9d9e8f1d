import { AnnealError } from "@anneal/contracts";
import {
  type Attribute,
  type Attributes,
  attribute,
  type ConstantValue,
  constant,
  type Dtype,
  dtypeOf,
  formatType,
  intVector,
  isSplat,
  makeNode,
  makeValue,
  sameShape,
  sizeOf,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { OpAttribute, TensorflowBackend, Tfjs } from "@anneal/runtime";
import type { DataType, DataTypeMap, Tensor, TensorInfo } from "@tensorflow/tfjs";

type DataId = TensorInfo["dataId"];
/** The addon's 64-bit scalars, which are no tensors. */
interface Int64Scalar {
  readonly valueArray: Int32Array;
}
export type TraceInput = TensorInfo | Int64Scalar;

/**
 * A backend that writes down what it is asked for in place of doing it.
 *
 * tfjs-node's kernels, which all end in `executeSingleOutput` or `executeMultipleOutputs`, run unchanged on it. A call
 * whose inputs are all known is carried out by the real backend: what depends on constants alone is folded. A call that
 * depends on an input or a variable becomes a node, and its result a tensor without data, whose type comes from the op's row.
 */
export interface TraceBackend extends TensorflowBackend {
  /** A tensor that stands for a value of the graph. */
  makeSymbolic(value: Value): Tensor;
  /** The value behind a tensor: of the graph, or a constant with the tensor's data. */
  valueOf(tensor: TraceInput): Value;
  /** From now on a tensor stands for another value of its size. */
  rebind(tensor: TensorInfo, value: Value): void;
  /** The layer that is being traced; empty when none is. */
  scope(): string;
  /** Calls an op by TensorFlow's name with inputs that are tensors, as kernels do. */
  record(op: string, inputs: readonly TraceInput[], attributes: Attributes): Tensor[];
  /** Nodes that are recorded meanwhile belong to the layer of this name. */
  withScope<T>(name: string, run: () => T): T;
  /** Forgets every value; tensors of the trace are not to be used after. */
  reset(): void;
}

/** Before the name of the part of a step that a gradient belongs to. */
export const gradientPrefix = "gradient/";

/** The part of a step that a scope names, whether for the part itself or for its gradient. */
export function withoutGradientPrefix(scope: string): string {
  return scope.startsWith(gradientPrefix) ? scope.slice(gradientPrefix.length) : scope;
}

/** Constants of more values than this are looked through for being one value. */
const smallSize = 64;

/** @param base the backend of tfjs-node, whose kernels and helpers are inherited */
export function createTraceBackend(tf: Tfjs, base: TensorflowBackend): TraceBackend {
  let values = new Map<DataId, Value>();
  let refCounts = new Map<DataId, number>();
  let scopes: string[] = [];
  const owner = base as unknown as OwnerBackend;

  const makeSymbolic = (value: Value): Tensor => {
    const dataId = {};
    values.set(dataId, value);
    refCounts.set(dataId, 1);
    const { shape, dtype } = typeOf(value);
    // The type says Tensor's own shape type; the tensor never has data of its own.
    return tf.engine().makeTensorFromTensorInfo({ dataId, shape: [...shape], dtype: tfjsDtype(dtype) });
  };

  const toValue = (tensor: TraceInput): Value => {
    if (isInt64(tensor)) return constant({ dtype: "int64", shape: [], data: int64Data(tensor) });
    const known = values.get(tensor.dataId);
    if (known === undefined) {
      if (!owner.tensorMap.has(tensor.dataId)) throw keptState(currentScope());
      const value = constant(readConstant(owner, tensor));
      values.set(tensor.dataId, value);
      return value;
    }
    // A tensor may share its data with another one of another shape.
    if (sameShape(typeOf(known).shape, tensor.shape)) return known;
    const attributes = { T: attribute.type(typeOf(known).dtype), Tshape: attribute.type("int32") };
    return makeValue("Reshape", [known, intVector(tensor.shape)], attributes, { scope: currentScope() });
  };

  const isKnown = (tensor: TraceInput): boolean =>
    isInt64(tensor) || (values.get(tensor.dataId)?.node.op ?? "Const") === "Const";

  /** Gives the real backend the data of a constant that only the trace knows. */
  const materialize = (tensor: TraceInput): void => {
    if (isInt64(tensor) || owner.tensorMap.has(tensor.dataId)) return;
    const found = values.get(tensor.dataId)?.node.attributes.value;
    if (found?.kind !== "tensor") throw keptState(currentScope());
    owner.move(tensor.dataId, expandSplat(found.value), tensor.shape, tensor.dtype, refCounts.get(tensor.dataId) ?? 1);
  };

  const currentScope = (): string => scopes.at(-1) ?? "";

  const record = (op: string, inputs: readonly TraceInput[], attributes: Attributes): Tensor[] => {
    const taken = inputs.map(toValue);
    const scope = currentScope() || gradientScope(taken);
    const node = makeNode(op, taken, attributes, { scope });
    return node.outputs.map((_, index) => makeSymbolic({ node, index }));
  };

  const execute = (
    op: string,
    attributes: readonly OpAttribute[],
    inputs: readonly TraceInput[],
    numOutputs: number,
  ) => {
    if (inputs.every(isKnown)) {
      inputs.forEach(materialize);
      return base.executeMultipleOutputs(op, attributes, inputs as TensorInfo[], numOutputs);
    }
    return record(op, inputs, toAttributes(base, attributes));
  };

  const backend: TraceBackend = Object.assign(Object.create(base) as TensorflowBackend, {
    makeSymbolic,
    valueOf: toValue,
    rebind: ({ dataId }: TensorInfo, value: Value) => void values.set(dataId, value),
    scope: currentScope,
    record,
    withScope<T>(name: string, run: () => T): T {
      scopes.push(name);
      try {
        return run();
      } finally {
        scopes.pop();
      }
    },
    reset() {
      values = new Map();
      refCounts = new Map();
      scopes = [];
    },
    executeSingleOutput: (op: string, attributes: readonly OpAttribute[], inputs: readonly TraceInput[]) =>
      execute(op, attributes, inputs, 1)[0]!,
    executeMultipleOutputs: execute,
    write(data: ConstantValue["data"], shape: number[], dtype: DataType): DataId {
      if (data.length <= smallSize || !isUniform(data)) return owner.write(data, shape, dtype);
      const dataId = {};
      values.set(dataId, constant({ dtype: dtype as Dtype, shape, data: data.slice(0, 1) }));
      refCounts.set(dataId, 1);
      return dataId;
    },
    readSync(dataId: DataId) {
      const value = values.get(dataId);
      if (value === undefined) return owner.readSync(dataId);
      const found = value.node.attributes.value;
      if (value.node.op === "Const" && found?.kind === "tensor") return expandSplat(found.value);
      throw readBack(value, currentScope());
    },
    read: async (dataId: DataId) => backend.readSync(dataId),
    incRef(dataId: DataId) {
      if (owner.tensorMap.has(dataId)) owner.incRef(dataId);
      else refCounts.set(dataId, (refCounts.get(dataId) ?? 0) + 1);
    },
    refCount: (dataId: DataId) => (owner.tensorMap.has(dataId) ? owner.refCount(dataId) : (refCounts.get(dataId) ?? 0)),
    disposeData(dataId: DataId, force?: boolean): boolean {
      if (owner.tensorMap.has(dataId)) return owner.disposeData(dataId, force);
      const count = (refCounts.get(dataId) ?? 0) - 1;
      refCounts.set(dataId, count);
      // What the graph has recorded stays: the trace still asks for a gradient's value after its tensor is gone.
      return force === true || count <= 0;
    },
  });
  return backend;
}

/** What runs under no name adds up gradients: it belongs where one of them comes from. */
function gradientScope(taken: readonly Value[]): string {
  return taken.find(({ node: { scope } }) => scope.startsWith(gradientPrefix))?.node.scope ?? "";
}

/** What the trace needs of the real backend beyond its public type. */
interface OwnerBackend {
  readonly tensorMap: { has(dataId: DataId): boolean };
  write(values: ConstantValue["data"], shape: number[], dtype: DataType): DataId;
  move(dataId: DataId, values: ConstantValue["data"], shape: number[], dtype: DataType, refCount: number): void;
  readSync(dataId: DataId): DataTypeMap[keyof DataTypeMap];
  incRef(dataId: DataId): void;
  refCount(dataId: DataId): number;
  disposeData(dataId: DataId, force?: boolean): boolean;
}

function readConstant(owner: OwnerBackend, { dataId, shape, dtype }: TensorInfo): ConstantValue {
  if (dtype !== "float32" && dtype !== "int32" && dtype !== "bool") {
    throw new AnnealError(
      "TRACE_UNSUPPORTED",
      `the step cannot be compiled: it has a constant of ${dtype}`,
      'Use float32, int32 or bool, or train with engine: "eager".',
      { dtype },
    );
  }
  // A copy: the tensor's array may be one that the program changes later.
  const data = (owner.readSync(dataId) as Float32Array | Int32Array | Uint8Array).slice();
  return { dtype, shape, data: data.length > smallSize && isUniform(data) ? data.slice(0, 1) : data };
}

function isUniform(data: ArrayLike<unknown>): boolean {
  const first = data[0];
  for (let index = 1; index < data.length; index++) if (data[index] !== first) return false;
  // -0 and NaN are not what `===` takes them for.
  return !Object.is(first, -0) && !Number.isNaN(first);
}

function expandSplat(value: ConstantValue): ConstantValue["data"] {
  if (!isSplat(value)) return value.data;
  const [first] = value.data;
  const size = sizeOf(value.shape);
  if (value.dtype === "float32") return new Float32Array(size).fill(Number(first));
  return value.dtype === "int32" ? new Int32Array(size).fill(Number(first)) : new Uint8Array(size).fill(Number(first));
}

function isInt64(tensor: TraceInput): tensor is Int64Scalar {
  return "valueArray" in tensor;
}

function int64Data({ valueArray }: Int64Scalar): BigInt64Array {
  return new BigInt64Array(valueArray.slice().buffer);
}

function tfjsDtype(dtype: Dtype): DataType {
  if (dtype === "float32" || dtype === "int32" || dtype === "bool") return dtype;
  // As tfjs-node does with bytes and 64-bit results: it has no names for them.
  return dtype === "uint8" || dtype === "int64" ? "int32" : "string";
}

/** An op's attributes as kernels give them: `type` is one of the binding's numbers, lists are arrays. */
function toAttributes({ binding }: TensorflowBackend, attributes: readonly OpAttribute[]): Attributes {
  const convert = ({ type, value }: OpAttribute): Attribute => {
    switch (type) {
      case binding.TF_ATTR_TYPE:
        return attribute.type(dtypeOf(value as number));
      case binding.TF_ATTR_INT:
        return Array.isArray(value) ? attribute.ints(value) : attribute.int(value as number);
      case binding.TF_ATTR_FLOAT:
        return attribute.float(value as number);
      case binding.TF_ATTR_BOOL:
        return attribute.bool(Boolean(value));
      case binding.TF_ATTR_SHAPE:
        return attribute.shape(value as readonly number[]);
      default:
        return attribute.string(value as string);
    }
  };
  return Object.fromEntries(attributes.map((given) => [given.name, convert(given)]));
}

/** A tensor of an earlier trace is all that such a step leaves behind: the graph would start each time from what it was then. */
function keptState(layer: string): AnnealError {
  return new AnnealError(
    "TRACE_UNSUPPORTED",
    `the step cannot be compiled: ${layer === "" ? "it" : layer} keeps a tensor from one step to the next outside of the model's variables`,
    'Keep it in a variable of the model (in a recurrent layer: not with `stateful`), or train with engine: "eager".',
    { layer },
  );
}

function readBack(value: Value, scope: string): AnnealError {
  const { op } = value.node;
  const layer = scope || value.node.scope;
  return new AnnealError(
    "TRACE_UNSUPPORTED",
    `the step cannot be compiled: it reads the values of ${op} (${formatType(typeOf(value))})${layer === "" ? "" : ` in ${layer}`}, which are not known before it runs`,
    'Compute with tensors alone (no dataSync, arraySync or print in a step), or train with engine: "eager".',
    { op, layer },
  );
}
