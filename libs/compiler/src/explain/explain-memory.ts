import type { ExplainedMemory } from "@anneal/contracts";
import type { MemoryPrediction } from "../memory/predict-memory.ts";
import { placeOf } from "./attribute-timings.ts";

/**
 * The memory of a step, by the parts that its tensors belong to.
 *
 * @param variables as for `attributeTimings`
 */
export function explainMemory(prediction: MemoryPrediction, variables: readonly string[]): ExplainedMemory {
  const { alive, peakBytes, residentBytes, fedBytes, numNodes } = prediction;
  const tensors = alive.map(({ scope, op, type, bytes }) => ({ op, ...placeOf(scope, op, variables), type, bytes }));
  return { peakBytes, residentBytes, fedBytes, numNodes, alive: tensors.filter(({ bytes }) => bytes > 0) };
}
