import type { Lowering } from "@anneal/contracts";
import type { Pass } from "../passes/pass.ts";
import { allPasses } from "../passes/pipeline.ts";
import { orderedSums } from "./ordered-sums.ts";
import { transposedProducts } from "./transposed-products.ts";
import { xla } from "./xla.ts";

/** Passes after all others, by how TensorFlow is to run the graph. They change how it rounds. */
export const loweringPasses: Readonly<Record<Lowering, readonly Pass[]>> = {
  graph: [transposedProducts, orderedSums],
  xla: [orderedSums, xla],
};

/** Every pass that a program goes through, in order, but those of these names. */
export function pipelineOf(lowering: Lowering, without: readonly string[] = []): readonly Pass[] {
  return [...allPasses, ...loweringPasses[lowering]].filter(({ name }) => !without.includes(name));
}
