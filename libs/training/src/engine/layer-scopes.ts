import type { ScopeFunction } from "@anneal/compiler";
import type { layers, Tensor } from "@tensorflow/tfjs";
import type { Model } from "../recipe/define.ts";
import { isLayersModel } from "./variables.ts";

type Layer = layers.Layer;

/** Runs something in which the ops of each layer of the model are recorded under the layer's name. */
export function withLayerScopes<T>(model: Model, scope: ScopeFunction, run: () => T): T {
  const undo = isLayersModel(model) ? model.layers.map((layer) => nameOps(layer, scope)) : [];
  try {
    return run();
  } finally {
    for (const restore of undo) restore();
  }
}

function nameOps(layer: Layer, scope: ScopeFunction): () => void {
  const own = Object.hasOwn(layer, "call");
  const { call } = layer;
  layer.call = (inputs: Tensor | Tensor[], options) => scope(layer.name, () => call.call(layer, inputs, options));
  return () => {
    if (own) layer.call = call;
    else delete (layer as Partial<Layer>).call;
  };
}
