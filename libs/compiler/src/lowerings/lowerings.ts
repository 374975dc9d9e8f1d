import type { Lowering } from "@anneal/contracts";
import type { Pass } from "../passes/pass.ts";
import { preservingPasses } from "../passes/pipeline.ts";
import { transposedProducts } from "./transposed-products.ts";
import { xla } from "./xla.ts";

/** Passes after all others, by how TensorFlow is to run the graph. They change how it rounds. */
export const loweringPasses: Readonly<Record<Lowering, readonly Pass[]>> = {
  graph: [transposedProducts],
  xla: [xla],
};

/** Every pass that a program goes through, in order. */
export function pipelineOf(lowering: Lowering): readonly Pass[] {
  return [...preservingPasses, ...loweringPasses[lowering]];
}
