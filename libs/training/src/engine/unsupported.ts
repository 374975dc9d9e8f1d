import { AnnealError } from "@anneal/contracts";
import type { EngineOptions, StepEngine } from "./step-engine.ts";

/** What of `EngineOptions` an engine may be unable to do. */
type PolicyOption = "precision" | "layerPrecision" | "microBatches" | "recomputeSegments";

const isAsked: Readonly<Record<PolicyOption, (options: EngineOptions) => boolean>> = {
  precision: ({ precision = "float32" }) => precision !== "float32",
  layerPrecision: ({ layerPrecision = {} }) => Object.values(layerPrecision).some((format) => format !== "float32"),
  microBatches: ({ microBatches = 1 }) => microBatches > 1,
  recomputeSegments: ({ recomputeSegments = 1 }) => recomputeSegments > 1,
};

/** @throws AnnealError POLICY_UNSUPPORTED that names the first of these options that is asked for */
export function refuse(name: StepEngine["name"], refused: readonly PolicyOption[], options: EngineOptions): void {
  const asked = refused.find((option) => isAsked[option](options));
  if (asked === undefined) return;
  throw new AnnealError(
    "POLICY_UNSUPPORTED",
    `the ${name} engine knows no ${asked}`,
    name === "eager" ? `Train with engine: "compiled", or without ${asked}.` : `Train without ${asked}.`,
    { engine: name, option: asked, value: JSON.stringify(options[asked]) },
  );
}
