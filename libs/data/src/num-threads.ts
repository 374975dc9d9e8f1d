import { availableParallelism } from "node:os";

/** Threads that prepare samples, unless it is told otherwise. */
export function numFeedThreads(): number {
  return Math.max(1, Math.min(4, availableParallelism() - 1));
}
