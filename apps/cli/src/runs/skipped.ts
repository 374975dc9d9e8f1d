import type { SkippedCheckpoint } from "@anneal/contracts";

/** Whoever reads a run's newest checkpoint must know when it is not the newest. */
export function saySkipped(skipped: readonly SkippedCheckpoint[], log: (line: string) => void): void {
  for (const { path, reason } of skipped) log(`passed over ${path}: ${reason}`);
}
