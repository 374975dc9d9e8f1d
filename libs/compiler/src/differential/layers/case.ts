import type { layers } from "@tensorflow/tfjs";
import type { InputSpec } from "../inputs.ts";

export type Layer = layers.Layer;

/** A layer, or a model around it, applied to inputs of these types. */
export interface LayerCase {
  readonly inputs: readonly InputSpec[];
  readonly make: () => Layer;
  /** What TensorFlow.js has gradients by. By default inputs of float32 and weights. */
  readonly gradients: "all" | "weights" | "none";
}

/** Cases by the class of the layer, such as `Conv2D`. */
export type LayerCases = Readonly<Record<string, readonly LayerCase[]>>;

export function layerCase(
  inputs: readonly InputSpec[],
  make: () => Layer,
  gradients: LayerCase["gradients"] = "all",
): LayerCase {
  return { inputs, make, gradients };
}
