import type { Lowering } from "@anneal/contracts";
import type { Pass } from "../passes/pass.ts";
import { xla } from "./xla.ts";

/** Passes after all others, by how TensorFlow is to run the graph. They change how it rounds. */
export const loweringPasses: Readonly<Record<Lowering, readonly Pass[]>> = {
  graph: [],
  xla: [xla],
};
