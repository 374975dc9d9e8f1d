import type { InspectedTensor } from "@anneal/contracts";
import { TensorProto_DataType as DataType, type TensorProto, type ValueInfoProto } from "../onnx/schema/onnx_pb.ts";

/** Names that people know, and bits, by ONNX's numbers. */
const types: Readonly<Record<number, { readonly name: string; readonly bits: number }>> = {
  [DataType.FLOAT]: { name: "float32", bits: 32 },
  [DataType.UINT8]: { name: "uint8", bits: 8 },
  [DataType.INT8]: { name: "int8", bits: 8 },
  [DataType.UINT16]: { name: "uint16", bits: 16 },
  [DataType.INT16]: { name: "int16", bits: 16 },
  [DataType.INT32]: { name: "int32", bits: 32 },
  [DataType.INT64]: { name: "int64", bits: 64 },
  [DataType.BOOL]: { name: "bool", bits: 8 },
  [DataType.FLOAT16]: { name: "float16", bits: 16 },
  [DataType.DOUBLE]: { name: "float64", bits: 64 },
  [DataType.UINT32]: { name: "uint32", bits: 32 },
  [DataType.UINT64]: { name: "uint64", bits: 64 },
  [DataType.BFLOAT16]: { name: "bfloat16", bits: 16 },
  [DataType.UINT4]: { name: "uint4", bits: 4 },
  [DataType.INT4]: { name: "int4", bits: 4 },
};

const bitsByName = new Map(Object.values(types).map(({ name, bits }) => [name, bits]));

function dtypeName(dataType: number): string {
  const other = Object.entries(DataType)
    .find(([, number]) => number === dataType)?.[0]
    .toLowerCase();
  return types[dataType]?.name ?? other ?? `type ${dataType}`;
}

/** Bytes of so many values; those of an unknown type count as 32 bits. */
export function bytesOfValues(dtype: string, numValues: number): number {
  return Math.ceil((numValues * (bitsByName.get(dtype) ?? 32)) / 8);
}

export function describeTensor({ dataType, dims }: TensorProto): {
  readonly dtype: string;
  readonly numValues: number;
} {
  return { dtype: dtypeName(dataType), numValues: dims.reduce((product, dim) => product * Number(dim), 1) };
}

export function describeValue({ name, type }: ValueInfoProto): InspectedTensor {
  if (type?.value.case !== "tensorType") return { name, dtype: type?.value.case ?? "unknown", dims: [] };
  const { elemType, shape } = type.value.value;
  const dims = (shape?.dim ?? []).map(({ value }, axis) => {
    if (value.case === "dimValue") return Number(value.value);
    return value.case === "dimParam" && value.value !== "" ? value.value : `axis ${axis}`;
  });
  return { name, dtype: dtypeName(elemType), dims };
}
