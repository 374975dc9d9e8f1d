import type { ComputePrecision, Lowering } from "@anneal/contracts";
import { mixedPrecision } from "../passes/changing/mixed-precision.ts";
import type { Pass } from "../passes/pass.ts";
import { allPasses } from "../passes/pipeline.ts";
import { cpuCosts, gpuCosts } from "../precision/kernel-costs.ts";
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
  /** By default everything is computed in float32. */
  readonly precision?: PrecisionOptions;
}

export interface PrecisionOptions {
  /** Of what is faster in it; the rest stays in float32. */
  readonly dtype: Exclude<ComputePrecision, "float32">;
  readonly device: "cpu" | "gpu";
  /** Whether the part of the step of this name, a layer most often, may be computed in it. By default all may. */
  readonly allows?: (part: string) => boolean;
}

/** Every pass that a program goes through, in order. */
export function pipelineOf({ lowering, without = [], precision }: PipelineOptions): readonly Pass[] {
  const passes = [...allPasses, ...(precision ? [precisionPass(precision)] : []), ...loweringPasses[lowering]];
  return passes.filter(({ name }) => !without.includes(name));
}

function precisionPass({ dtype, device, allows = () => true }: PrecisionOptions): Pass {
  // A CPU has no kernels for float16: whoever asks for it there wants to see what a GPU would compute.
  const costs = device === "gpu" || dtype === "float16" ? gpuCosts : cpuCosts;
  return mixedPrecision({ dtype, costs, allows });
}
