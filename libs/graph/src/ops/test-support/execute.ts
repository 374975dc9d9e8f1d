import { loadTensorflow, type OpAttribute, type TensorflowBinding } from "@anneal/runtime";
import type { Attribute, Attributes } from "../../attributes.ts";
import { constant, makeNode, placeholder } from "../../build.ts";
import { type ConstantValue, type Dtype, dtypeNumbers, dtypeOf, type TensorType } from "../../types.ts";
import type { TestCall, TestInput } from "./call.ts";

let binding: TensorflowBinding | undefined;

export function tensorflow(): TensorflowBinding {
  binding ??= loadTensorflow({ numIntraOpThreads: 2, numInterOpThreads: 2 }).binding;
  return binding;
}

/** Types of the outputs by the row's rule. */
export function infer({ op, inputs, attributes }: TestCall): readonly TensorType[] {
  const values = inputs.map(({ type, values, isConstant }, index) =>
    isConstant ? constant({ ...type, data: toData(type.dtype, values) }) : placeholder(`input${index}`, type),
  );
  return makeNode(op, values, attributes).outputs;
}

/** Types of the outputs of TensorFlow's own execution; `read` sees them before they are gone. */
export function execute(
  { op, inputs, attributes }: TestCall,
  numOutputs: number,
  read: (binding: TensorflowBinding, outputIds: readonly number[]) => void = () => {},
): readonly TensorType[] {
  const tf = tensorflow();
  const inputIds = inputs.map((input) => createInput(tf, input));
  try {
    const outputs = tf.executeOp(op, toOpAttributes(tf, attributes), inputIds, numOutputs);
    const outputIds = outputs.map(({ id }) => id);
    read(tf, outputIds);
    for (const id of outputIds) tf.deleteTensor(id);
    return outputs.map(({ shape, dtype }) => ({ dtype: dtypeOf(dtype), shape: [...shape] }));
  } finally {
    for (const id of inputIds) tf.deleteTensor(id);
  }
}

function createInput(tf: TensorflowBinding, { type: { dtype, shape }, values }: TestInput): number {
  if (dtype === "int64") {
    // The addon takes 64-bit numbers as pairs of 32-bit ones.
    return tf.createTensor(shape, tf.TF_INT64, Int32Array.from(values.flatMap((value) => [value, value < 0 ? -1 : 0])));
  }
  if (dtype !== "bfloat16" && dtype !== "float16")
    return tf.createTensor(shape, dtypeNumbers[dtype], toData(dtype, values) as Uint8Array);
  // The addon takes no 16-bit floats from JavaScript.
  const id = tf.createTensor(shape, tf.TF_FLOAT, Float32Array.from(values));
  const attributes = [
    { name: "SrcT", type: tf.TF_ATTR_TYPE, value: dtypeNumbers.float32 },
    { name: "DstT", type: tf.TF_ATTR_TYPE, value: dtypeNumbers[dtype] },
  ];
  const [cast] = tf.executeOp("Cast", attributes, [id], 1);
  tf.deleteTensor(id);
  return cast!.id;
}

export function toData(dtype: Dtype, values: readonly number[]): ConstantValue["data"] {
  switch (dtype) {
    case "int32":
      return Int32Array.from(values);
    case "int64":
      return BigInt64Array.from(values.map(BigInt));
    case "uint8":
    case "bool":
      return Uint8Array.from(values);
    default:
      return Float32Array.from(values);
  }
}

function toOpAttributes(tf: TensorflowBinding, attributes: Attributes): readonly OpAttribute[] {
  const convert = ({ kind, value }: Attribute): Omit<OpAttribute, "name"> => {
    switch (kind) {
      case "type":
        return { type: tf.TF_ATTR_TYPE, value: dtypeNumbers[value] };
      case "int":
      case "ints":
        return { type: tf.TF_ATTR_INT, value };
      case "float":
        return { type: tf.TF_ATTR_FLOAT, value };
      case "bool":
        return { type: tf.TF_ATTR_BOOL, value };
      case "string":
        return { type: tf.TF_ATTR_STRING, value };
      default:
        throw new RangeError(`no test sets an attribute of the kind ${kind}`);
    }
  };
  return Object.entries(attributes).map(([name, given]) => ({ name, ...convert(given) }));
}
