import { AnnealError } from "@anneal/contracts";
import type { LayersModel, layers, Tensor, Variable } from "@tensorflow/tfjs";
import type { Model } from "../recipe/define.ts";
import type { TensorTarget } from "./tensor-copies.ts";

type Layer = layers.Layer;

/** A variable of a model under a name that does not depend on the process. */
export interface NamedVariable {
  readonly name: string;
  readonly variable: Variable;
  readonly trainable: boolean;
}

export interface NamedLayer {
  readonly layer: Layer;
  readonly name: string;
}

export function isLayersModel(model: Model): model is LayersModel {
  return "layers" in model && Array.isArray(model.layers);
}

/**
 * A model's variables in their order, named `layer/weight`.
 *
 * TensorFlow.js numbers unnamed layers over the life of the process (`conv2d_Conv2D7`). Here they are numbered within the
 * model, as Keras does: `conv2d`, `conv2d_1`. Layers that the recipe named keep their names.
 *
 * @throws AnnealError RECIPE_INVALID when two variables have one name, or a layer was not built
 */
export function namedVariables(model: Model): readonly NamedVariable[] {
  const variables = isLayersModel(model) ? layerVariables(model.layers, "") : functionVariables(model.variables);
  const seen = new Set<string>();
  for (const { name } of variables) {
    if (seen.has(name)) throw sameName(name);
    seen.add(name);
  }
  return variables;
}

/** Variables as targets of `restoreTensors`. */
export function modelTargets(variables: readonly NamedVariable[]): readonly TensorTarget[] {
  return variables.map(({ name, variable }) => ({
    name,
    tensor: variable as Tensor,
    assign: (value) => {
      variable.assign(value);
      value.dispose();
    },
  }));
}

function functionVariables(variables: Readonly<Record<string, Variable>>): readonly NamedVariable[] {
  return Object.entries(variables).map(([name, variable]) => ({ name, variable, trainable: variable.trainable }));
}

function layerVariables(modelLayers: readonly Layer[], prefix: string): readonly NamedVariable[] {
  return namedLayers(modelLayers, prefix).flatMap(({ layer, name }) => weightsOf(layer, name));
}

/**
 * A model's layers by names that do not depend on the process, as `namedVariables` has them. A model used as a layer is not
 * among them: its layers are, with its name before theirs.
 */
export function namedLayers(modelLayers: readonly Layer[], prefix = ""): readonly NamedLayer[] {
  const numberOf = new Map<string, number>();
  return modelLayers.flatMap((layer): readonly NamedLayer[] => {
    const own = ownName(layer);
    const count = numberOf.get(own.name) ?? 0;
    if (own.isAutomatic) numberOf.set(own.name, count + 1);
    const name = `${prefix}${own.name}${own.isAutomatic && count > 0 ? `_${count}` : ""}`;
    // A model used as a layer: its layers are numbered within it.
    if ("layers" in layer && Array.isArray(layer.layers)) return namedLayers(layer.layers as Layer[], `${name}/`);
    return [{ layer, name }];
  });
}

function weightsOf(layer: Layer, layerName: string): readonly NamedVariable[] {
  const trainable = new Set(layer.trainableWeights);
  const numberOf = new Map<string, number>();
  return layer.weights.map((weight) => {
    const withoutLayer = weight.originalName.split("/").at(-1) ?? weight.originalName;
    // Wrappers such as bidirectional have two cells whose weights have the same names.
    const count = numberOf.get(withoutLayer) ?? 0;
    numberOf.set(withoutLayer, count + 1);
    const name = `${layerName}/${withoutLayer}${count > 0 ? `_${count}` : ""}`;
    // `val` is protected by its type only: the layer's own variable, which the gradients need.
    const { val } = weight as unknown as { readonly val: Variable };
    return { name, variable: val, trainable: trainable.has(weight) };
  });
}

/**
 * `conv2d` for a layer that TensorFlow.js named `conv2d_Conv2D7`, `sequential` for a model that it named
 * `sequential_7`; the name itself for one that the recipe named.
 */
function ownName(layer: Layer): { readonly name: string; readonly isAutomatic: boolean } {
  const className = layer.getClassName();
  const model = "layers" in layer ? `|^(${className.toLowerCase()})_?\\d+$` : "";
  const match = new RegExp(`^(.+)_${className}\\d+$${model}`).exec(layer.name);
  const automatic = match?.[1] ?? match?.[2];
  return automatic === undefined ? { name: layer.name, isAutomatic: false } : { name: automatic, isAutomatic: true };
}

function sameName(name: string): AnnealError {
  return new AnnealError(
    "RECIPE_INVALID",
    `two variables of the model are called "${name}"`,
    "Give the model's layers different names.",
    { variable: name },
  );
}
