import { AnnealError } from "@anneal/contracts";
import { opTable } from "@anneal/graph";
import type { TestCall } from "@anneal/graph/test-calls";
import type { PredictModel } from "../model/predict-model.ts";
import { singleOpModel } from "./single-op.ts";

/** Ops whose other outputs are for gradients alone. */
const firstOutputOnly = new Set(["FusedBatchNorm", "FusedBatchNormV3"]);

/** Calls that a model which predicts can have, as a model of one call; null for others. */
export function modelOfCall(call: TestCall): PredictModel | null {
  const model = attempt(() => singleOpModel(call));
  if (model === null) return null;
  const outputs = firstOutputOnly.has(call.op) ? model.outputs.slice(0, 1) : model.outputs;
  const types = [
    ...call.inputs.map(({ type }) => type),
    ...outputs.map(({ value }) => value.node.outputs[value.index]!),
  ];
  const isInFloat32 = types.every(({ dtype }) => dtype !== "bfloat16");
  // TensorFlow 2.21 gives zeros for it.
  const isBroken = call.op === "Round" && call.inputs[0]!.type.dtype === "int32";
  // With such strides it begins in the middle of what it passes over.
  const isOdd = call.op === "MaxPool3D" && isShorterThanStride(call);
  const isTraining = call.attributes.is_training?.value === true;
  return isInFloat32 && !isBroken && !isOdd && !isTraining && !isEmptyWindow(call.op, types)
    ? { ...model, outputs }
    : null;
}

function isShorterThanStride({ attributes }: TestCall): boolean {
  const [sizes, strides] = [attributes.ksize?.value, attributes.strides?.value] as [number[], number[]];
  return sizes.some((size, axis) => size < strides[axis]!);
}

/** A window that fits nowhere. */
function isEmptyWindow(op: string, types: readonly { readonly shape: readonly number[] }[]): boolean {
  return opTable[op]?.kind === "pooling" && types.some(({ shape }) => shape.includes(0));
}

/** What `run` gives; null where the call is refused with a code. */
export function attempt<T>(run: () => T): T | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof AnnealError) return null;
    throw error;
  }
}
