import { type HalfFormat, type Pass, pipelineOf } from "@anneal/compiler";
import { type ComputePrecision, computePrecisions, type Lowering } from "@anneal/contracts";
import { precisionOfPart } from "../recipe/layer-precision.ts";
import { kernelCostsFor } from "./kernel-costs.ts";
import type { RecipeStep } from "./recipe-step.ts";
import { isShadow } from "./step-program/shadow.ts";

/** Every pass that a step goes through. */
export function passesOf(step: Pick<RecipeStep, "options" | "layerPrecision">, lowering: Lowering): readonly Pass[] {
  const { crossEntropy, recomputeSegments = 1 } = step.options;
  const without = crossEntropy === "clipped" ? ["unclip-cross-entropy"] : [];
  return pipelineOf({ lowering, without, formats: formatsOf(step), recomputeSegments });
}

/** The formats that any part of the step is to be computed in, with the parts. */
function formatsOf({ options, layerPrecision }: Pick<RecipeStep, "options" | "layerPrecision">): readonly HalfFormat[] {
  const { precision = "float32" } = options;
  const precisionOf = (part: string): ComputePrecision => precisionOfPart(part, layerPrecision) ?? precision;
  const asked = new Set([precision, ...layerPrecision.values()]);
  return computePrecisions
    .filter((dtype) => dtype !== "float32")
    .filter((dtype) => asked.has(dtype))
    .map((dtype) => ({
      dtype,
      costs: kernelCostsFor(dtype),
      allows: (part) => !isShadow(part) && precisionOf(part) === dtype,
    }));
}
