import type { Graph } from "@anneal/graph";

/** One rewriting of a graph. Same inputs, same outputs, same types: a pass changes how they are computed. */
export interface Pass {
  /** As `explain` shows it. */
  readonly name: string;
  readonly run: (graph: Graph) => Graph;
}
