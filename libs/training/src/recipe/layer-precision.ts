import { AnnealError, type ComputePrecision } from "@anneal/contracts";
import { suggest } from "./suggest.ts";

/**
 * The number format of each layer that a recipe excepts from the step's own.
 *
 * @param exceptions by names of layers or patterns in which `*` stands for any characters; of several that fit, the last holds
 * @param layers the model's layers, as its variables name them
 * @throws AnnealError RECIPE_INVALID for a name or pattern that fits no layer
 */
export function layerPrecisionOf(
  exceptions: Readonly<Record<string, ComputePrecision>>,
  layers: readonly string[],
): ReadonlyMap<string, ComputePrecision> {
  const found = new Map<string, ComputePrecision>();
  for (const [pattern, precision] of Object.entries(exceptions)) {
    const fitting = layers.filter((layer) => patternOf(pattern).test(layer));
    if (fitting.length === 0) throw unknownLayer(pattern, layers);
    for (const layer of fitting) found.set(layer, precision);
  }
  return found;
}

/**
 * The number format that a part of the step (`block1/conv/kernel`) has by its layer, the longest name that it begins with; undefined
 * where it has the step's own.
 */
export function precisionOfPart(
  part: string,
  layerPrecision: ReadonlyMap<string, ComputePrecision>,
): ComputePrecision | undefined {
  let layer = part;
  while (layer !== "" && !layerPrecision.has(layer)) layer = layer.slice(0, Math.max(0, layer.lastIndexOf("/")));
  return layerPrecision.get(layer);
}

function patternOf(pattern: string): RegExp {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}

function unknownLayer(pattern: string, layers: readonly string[]): AnnealError {
  const near = suggest(pattern.replaceAll("*", ""), layers);
  const shown =
    layers.length > 12 ? `${layers.slice(0, 12).join(", ")}, and ${layers.length - 12} more` : layers.join(", ");
  return new AnnealError(
    "RECIPE_INVALID",
    `training: layerPrecision names "${pattern}", and no layer of the model is called so`,
    layers.length === 0
      ? "A model that is a function has no layers: leave layerPrecision out."
      : `${near === null ? "" : `Did you mean "${near}"? `}The layers are: ${shown}.`,
    { pattern, near, layers: shown },
  );
}
