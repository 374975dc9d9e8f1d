import type { Pass } from "../passes/pass.ts";
import { compileProgram, type Entries } from "../program.ts";
import { type MemoryPrediction, type PredictMemoryOptions, predictMemory } from "./predict-memory.ts";

/**
 * The memory of calls that are made one after another in one session: that of the one which takes the most.
 *
 * @param entries at least one
 */
export function predictProgram(
  entries: Entries<string>,
  passes: readonly Pass[],
  options: PredictMemoryOptions = {},
): MemoryPrediction {
  const predictions = Object.entries(entries).map(([name, entry]) =>
    predictMemory(compileProgram({ [name]: entry }, passes).graph, options),
  );
  const most = predictions.reduce((largest, next) => (next.peakBytes > largest.peakBytes ? next : largest));
  return {
    ...most,
    residentBytes: Math.max(...predictions.map(({ residentBytes }) => residentBytes)),
    numNodes: predictions.reduce((sum, { numNodes }) => sum + numNodes, 0),
  };
}
