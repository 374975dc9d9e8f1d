import type { AffineFormat } from "@anneal/compress";
import type { OnnxGraph } from "../onnx-graph.ts";

export interface PrecisionOptions {
  /** Whether a layer is to stay in float32. */
  readonly isKept: (layer: string) => boolean;
  /** The whole numbers that stand for a value by its name; null for one whose range is not known. */
  readonly formatOf: (name: string) => AffineFormat | null;
}

export interface RewrittenOnnx {
  readonly graph: OnnxGraph;
  /** Layers that compute, or are stored, in whole numbers now. */
  readonly layers: readonly string[];
}
