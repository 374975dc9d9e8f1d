import type { ExportPrecision } from "@anneal/contracts";
import type { TfliteGraph } from "../tflite-graph.ts";
import { withHalfWeights } from "./half-weights.ts";
import { withInt8Weights } from "./int8-weights.ts";

/** What is done to a model in float32. */
export const precisionPasses = {
  float32: (graph) => graph,
  float16: withHalfWeights,
  "int8-weights": withInt8Weights,
} as const satisfies Partial<Record<ExportPrecision, (graph: TfliteGraph) => TfliteGraph>>;

export type TflitePrecision = keyof typeof precisionPasses;
