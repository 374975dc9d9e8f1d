import {
  measureMemory,
  type ProductPrecision,
  partOfScope,
  precisionOfProducts,
  summarizeKernels,
  timeShares,
} from "@anneal/compiler";
import type { ComputePrecision, LedgerKernels, LedgerTensors, TensorClass } from "@anneal/contracts";
import { numElements } from "@anneal/data";
import type { TensorType } from "@anneal/graph";
import type { NodeRun } from "@anneal/runtime";
import { precisionOfPart } from "../recipe/layer-precision.ts";

/** What the runtime's record of a step shows. */
export interface StepRecording {
  /** What the step was to be computed in. */
  readonly precision: ComputePrecision;
  /** All but batches, which belong to whoever feeds the engine. */
  readonly tensors: readonly LedgerTensors[];
  /** Of them, what lives from step to step. */
  readonly variableBytes: number;
  readonly kernels: readonly LedgerKernels[];
  readonly timeShares: Readonly<Record<string, number>>;
  readonly products: ProductPrecision;
}

/** A variable of the session, and what it is for. */
export interface RecordedVariable {
  readonly class: TensorClass;
  /** Of its node. */
  readonly name: string;
  readonly type: TensorType;
}

/** What a step was to be computed in. */
export interface AskedPrecision {
  readonly precision: ComputePrecision;
  /** Layers that are computed in another number format. */
  readonly layerPrecision: ReadonlyMap<string, ComputePrecision>;
}

/** @param calls what each call of the step ran: several where its batch is taken in parts */
export function recordingOf(
  calls: readonly (readonly NodeRun[])[],
  variables: readonly RecordedVariable[],
  { precision, layerPrecision }: AskedPrecision,
): StepRecording {
  const nodes = calls.flat();
  const memories = calls.map(measureMemory);
  const copied = new Set(memories.flatMap(({ copiedVariables }) => [...copiedVariables]));
  const lasting = variables.map((variable): LedgerTensors => {
    const isMaster = variable.class === "weights" && copied.has(variable.name);
    const { dtype, shape } = variable.type;
    const numBytes = 4 * numElements(shape);
    return { class: isMaster ? "masterWeights" : variable.class, dtype, numBytes, bytesAtPeak: numBytes };
  });
  // One call after another: the largest counts.
  const [largest] = memories.sort((a, b) => peakOf(b.tensors) - peakOf(a.tensors));
  const isExcepted = (name: string): boolean => {
    const excepted = precisionOfPart(partOfScope(name), layerPrecision);
    return excepted !== undefined && excepted !== precision;
  };
  return {
    precision,
    tensors: sumByFormat([...lasting, ...(largest?.tensors ?? [])]),
    variableBytes: peakOf(lasting),
    kernels: summarizeKernels(nodes),
    timeShares: timeShares(nodes),
    products: precisionOfProducts(nodes, precision, isExcepted),
  };
}

/** One entry for each class and number format, largest at the peak first. */
export function sumByFormat(tensors: readonly LedgerTensors[]): readonly LedgerTensors[] {
  return [...Map.groupBy(tensors, (entry) => `${entry.class} ${entry.dtype}`).values()]
    .map((own) => ({ ...own[0]!, numBytes: sum(own, "numBytes"), bytesAtPeak: peakOf(own) }))
    .sort((a, b) => b.bytesAtPeak - a.bytesAtPeak);
}

function peakOf(tensors: readonly LedgerTensors[]): number {
  return sum(tensors, "bytesAtPeak");
}

function sum(tensors: readonly LedgerTensors[], field: "numBytes" | "bytesAtPeak"): number {
  return tensors.reduce((total, entry) => total + entry[field], 0);
}
