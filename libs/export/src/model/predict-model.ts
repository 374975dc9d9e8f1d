import { constantOf, type Graph, type Value } from "@anneal/graph";
import type { BatchDims } from "./align-batch.ts";
import { sourceOfConstant, type TensorSource } from "./tensor-source.ts";

/**
 * What every format is written from: a model that predicts, in float32, as a graph of the op table's ops. Weights are what
 * `ReadVariableOp` gives; their values are read when they are written.
 */
export interface PredictModel {
  readonly graph: Graph;
  /** Placeholders of the graph, in the order in which a caller gives their values. */
  readonly inputs: readonly ModelInput[];
  /** Values of `graph.outputs`, in the order in which they are returned. */
  readonly outputs: readonly ModelOutput[];
  /** By the name of the variable's handle. */
  readonly weights: Weights;
  readonly dims: BatchDims;
  /** The size of the batch that the graph holds for alone; null where it holds for any. */
  readonly fixedBatch: { readonly numSamples: number; readonly reason: string } | null;
}

export interface ModelInput {
  readonly name: string;
  readonly value: Value;
}

export interface ModelOutput {
  readonly name: string;
  readonly value: Value;
}

export type Weights = ReadonlyMap<string, TensorSource>;

/** The values of a weight or a constant; null for what is computed or fed. */
export function sourceOf(weights: Weights, value: Value): TensorSource | null {
  const constant = constantOf(value);
  if (constant !== null) return sourceOfConstant(constant);
  const handle = value.node.op === "ReadVariableOp" ? value.node.inputs[0]!.node.name : null;
  return handle === null ? null : (weights.get(handle) ?? null);
}
