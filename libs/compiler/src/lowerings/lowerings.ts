import type { ComputePrecision, Lowering } from "@anneal/contracts";
import { fusedBiasGradients, plainBiasGradients } from "../passes/changing/bias-gradients.ts";
import { mixedPrecision } from "../passes/changing/mixed-precision.ts";
import type { Pass } from "../passes/pass.ts";
import { allPasses } from "../passes/pipeline.ts";
import { biasAdd } from "../passes/preserving/bias-add.ts";
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
}

export interface HalfFormat {
  /** For what is faster in it; the rest stays in float32. */
  readonly dtype: Exclude<ComputePrecision, "float32">;
  readonly costs: CostModel;
  /** Whether the part of the step of this name, a layer or one of its variables most often, may be computed in it. */
  readonly allows: (part: string) => boolean;
}

/** Every pass that a program goes through, in order. */
export function pipelineOf({ lowering, without = [], formats = [] }: PipelineOptions): readonly Pass[] {
  const passes = [...allPasses, ...formats.flatMap(precisionPasses), ...loweringPasses[lowering]];
  return passes.filter(({ name }) => !without.includes(name));
}

function precisionPasses(format: HalfFormat): readonly Pass[] {
  return [plainBiasGradients, mixedPrecision(format), fusedBiasGradients, biasAdd];
}
