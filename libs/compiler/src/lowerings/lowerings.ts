import type { ComputePrecision, Lowering } from "@anneal/contracts";
import { fusedBiasGradients, plainBiasGradients } from "../passes/changing/bias-gradients.ts";
import { mixedPrecision } from "../passes/changing/mixed-precision.ts";
import type { Pass } from "../passes/pass.ts";
import { allPasses } from "../passes/pipeline.ts";
import { biasAdd } from "../passes/preserving/bias-add.ts";
import { promptReleases } from "../passes/preserving/prompt-releases.ts";
import { recompute } from "../passes/preserving/recompute.ts";
import type { CostModel } from "../precision/kernel-costs.ts";
import { orderedSums } from "./ordered-sums.ts";
import { transposedProducts } from "./transposed-products.ts";
import { xla } from "./xla.ts";

/** Passes after all others, by how TensorFlow is to run the graph. They change how it rounds. */
export const loweringPasses: Readonly<Record<Lowering, readonly Pass[]>> = {
  graph: [transposedProducts, orderedSums],
  xla: [orderedSums, xla],
};

export interface PipelineOptions {
  readonly lowering: Lowering;
  /** Names of passes to leave out. */
  readonly without?: readonly string[];
  /** 16-bit floats that parts of the step are computed in. By default everything is computed in float32. */
  readonly formats?: readonly HalfFormat[];
  /**
   * Pieces of the forward pass that are computed again for the backward pass; by default 1: all is kept. XLA would merge what is
   * computed twice, and plans its memory itself: with it there is one.
   */
  readonly recomputeSegments?: number;
}

export interface HalfFormat {
  /** For what is faster in it; the rest stays in float32. */
  readonly dtype: Exclude<ComputePrecision, "float32">;
  readonly costs: CostModel;
  /** Whether the part of the step of this name, a layer or one of its variables most often, may be computed in it. */
  readonly allows: (part: string) => boolean;
}

/** Every pass that a program goes through, in order. */
export function pipelineOf({
  lowering,
  without = [],
  formats = [],
  recomputeSegments = 1,
}: PipelineOptions): readonly Pass[] {
  const passes = [
    ...allPasses,
    ...formats.flatMap(precisionPasses),
    ...loweringPasses[lowering],
    // After all that fixes how sums are taken: what is computed again is computed as it was.
    ...(recomputeSegments > 1 && lowering === "graph" ? [recompute(recomputeSegments), promptReleases] : []),
  ];
  return passes.filter(({ name }) => !without.includes(name));
}

function precisionPasses(format: HalfFormat): readonly Pass[] {
  return [plainBiasGradients, mixedPrecision(format), fusedBiasGradients, biasAdd];
}
