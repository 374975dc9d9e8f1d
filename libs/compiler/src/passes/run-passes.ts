import type { PassReport } from "@anneal/contracts";
import { type Graph, verifyGraph } from "@anneal/graph";
import type { Pass } from "./pass.ts";

export interface RunPassesOptions {
  /** Verifies after every pass, not only at the ends: finds the pass that broke the graph. For tests. */
  readonly verifiesEach?: boolean;
}

/**
 * Runs passes one after another. Knows nothing of any of them.
 *
 * @throws Error when the graph is broken before the first or after the last
 */
export function runPasses(
  graph: Graph,
  passes: readonly Pass[],
  { verifiesEach = false }: RunPassesOptions = {},
): { readonly graph: Graph; readonly records: readonly PassReport[] } {
  verifyGraph(graph);
  let current = graph;
  const records = passes.map(({ name, run }): PassReport => {
    const start = performance.now();
    const numNodesBefore = current.nodes.length;
    current = run(current);
    if (verifiesEach) verifyGraph(current);
    return { name, milliseconds: performance.now() - start, numNodesBefore, numNodesAfter: current.nodes.length };
  });
  verifyGraph(current);
  return { graph: current, records };
}
