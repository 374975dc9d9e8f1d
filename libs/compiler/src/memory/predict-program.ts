import type { Pass } from "../passes/pass.ts";
import { compileProgram, type Entries } from "../program.ts";
import { type MemoryPrediction, type PredictMemoryOptions, predictMemory } from "./predict-memory.ts";

export interface ProgramPrediction extends MemoryPrediction {
  /** As traced, before any pass: JavaScript holds them all while the program is compiled. */
  readonly numTracedNodes: number;
}

/**
 * The memory of calls that are made one after another in one session: that of the one which takes the most.
 *
 * @param entries at least one
 */
export function predictProgram(
  entries: Entries<string>,
  passes: readonly Pass[],
  options: PredictMemoryOptions = {},
): ProgramPrediction {
  const programs = Object.entries(entries).map(([name, entry]) => compileProgram({ [name]: entry }, passes));
  const predictions = programs.map(({ graph }) => predictMemory(graph, options));
  const most = predictions.reduce((largest, next) => (next.peakBytes > largest.peakBytes ? next : largest));
  return {
    ...most,
    residentBytes: Math.max(...predictions.map(({ residentBytes }) => residentBytes)),
    numNodes: predictions.reduce((sum, { numNodes }) => sum + numNodes, 0),
    numTracedNodes: programs.reduce((sum, { passes: [first] }) => sum + (first?.numNodesBefore ?? 0), 0),
  };
}
