import { AnnealError } from "@anneal/contracts";
import type { FieldSpec } from "@anneal/data";

/** What every subject trains, by numbers alone: nothing here knows TensorFlow. */
export interface Workload {
  readonly name: string;
  /** For a table. */
  readonly title: string;
  readonly batchSize: number;
  /** Fields of a sample, without the batch. Labels are class indices. */
  readonly inputs: FieldSpec;
  readonly labels: FieldSpec;
  readonly numClasses: number;
  /** Steps of one round, each with a batch of its own: about a second for the fastest subjects, or less. */
  readonly numSteps: number;
}

const scalarLabels: FieldSpec = { shape: [], dtype: "int32" };
const tokens: FieldSpec = { shape: [128], dtype: "int32" };

export const stepWorkloads = [
  {
    name: "mlp",
    title: "MLP 32-256-256-10, batch 256",
    batchSize: 256,
    inputs: { shape: [32], dtype: "float32" },
    labels: scalarLabels,
    numClasses: 10,
    numSteps: 200,
  },
  {
    name: "cnn",
    title: "MNIST CNN 32-64-256, batch 128",
    batchSize: 128,
    inputs: { shape: [28, 28, 1], dtype: "float32" },
    labels: scalarLabels,
    numClasses: 10,
    numSteps: 20,
  },
  {
    name: "resnet",
    title: "ResNet-20 32x32x3, batch 128",
    batchSize: 128,
    inputs: { shape: [32, 32, 3], dtype: "float32" },
    labels: scalarLabels,
    numClasses: 10,
    numSteps: 4,
  },
  {
    name: "transformer",
    title: "transformer 4x256, 8 heads, sequence 128, batch 32",
    batchSize: 32,
    inputs: tokens,
    labels: tokens,
    numClasses: 256,
    numSteps: 2,
  },
  {
    name: "lstm",
    title: "LSTM 128, sequence 64, 32 inputs, batch 128",
    batchSize: 128,
    inputs: { shape: [64, 32], dtype: "float32" },
    labels: scalarLabels,
    numClasses: 10,
    numSteps: 10,
  },
] as const satisfies readonly Workload[];

/** Deep and narrow: most of what a step takes is activations. */
const deepconv = {
  name: "deepconv",
  title: "24 convolutions of 32 channels, 32x32x32, batch 64",
  batchSize: 64,
  inputs: { shape: [32, 32, 32], dtype: "float32" },
  labels: scalarLabels,
  numClasses: 10,
  numSteps: 2,
} as const satisfies Workload;

export const workloads = [...stepWorkloads, deepconv] as const;

export type WorkloadName = (typeof workloads)[number]["name"];

/** Those with these names. Throws USAGE for one that there is not. */
export function workloadsNamed(names: readonly string[]): readonly (typeof workloads)[number][] {
  const known = workloads.map(({ name }) => name as string);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return workloads.filter(({ name }) => names.includes(name));
  throw new AnnealError("USAGE", `there is no model called "${unknown}"`, `Use some of: ${known.join(", ")}.`);
}
