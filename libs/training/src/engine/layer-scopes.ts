import type { ScopeFunction } from "@anneal/compiler";
import type { Tensor } from "@tensorflow/tfjs";
import type { Model } from "../recipe/define.ts";
import { isLayersModel, type NamedLayer, namedLayers } from "./variables.ts";

/** Runs something in which the ops of each layer of the model are recorded under the layer's name. */
export function withLayerScopes<T>(model: Model, scope: ScopeFunction, run: () => T): T {
  const undo = isLayersModel(model) ? namedLayers(model.layers).map((named) => nameOps(named, scope)) : [];
  try {
    return run();
  } finally {
    for (const restore of undo) restore();
  }
}

function nameOps({ layer, name }: NamedLayer, scope: ScopeFunction): () => void {
  const own = Object.hasOwn(layer, "call");
  const { call } = layer;
  layer.call = (inputs: Tensor | Tensor[], options) => scope(name, () => call.call(layer, inputs, options));
  return () => {
    if (own) layer.call = call;
    else delete (layer as Partial<typeof layer>).call;
  };
}
