import type { ExportPrecision } from "@anneal/contracts";
import type { OnnxGraph } from "../onnx-graph.ts";
import { withHalfWeights } from "./half-weights.ts";
import { withInt8 } from "./int8.ts";
import { withInt8Weights } from "./int8-weights.ts";
import type { PrecisionOptions, RewrittenOnnx } from "./precision.ts";

/** What is done to a model in float32. */
export const precisionPasses: Readonly<
  Record<ExportPrecision, (graph: OnnxGraph, options: PrecisionOptions) => RewrittenOnnx>
> = {
  float32: (graph) => ({ graph, layers: [] }),
  float16: (graph) => ({ graph: withHalfWeights(graph), layers: [] }),
  int8: withInt8,
  "int8-weights": withInt8Weights,
};
