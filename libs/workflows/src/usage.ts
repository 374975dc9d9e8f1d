import type { TrainingUsage } from "@anneal/contracts";

/** Of a run that has trained nothing yet. */
export const noUsage: TrainingUsage = {
  numSteps: 0,
  numSamples: 0,
  trainingMs: 0,
  validatingMs: 0,
  waitedMs: 0,
  peakRssBytes: 0,
  loadedRssBytes: 0,
};

/** Of two parts of one run. */
export function addUsage(a: TrainingUsage, b: TrainingUsage): TrainingUsage {
  return {
    numSteps: a.numSteps + b.numSteps,
    numSamples: a.numSamples + b.numSamples,
    trainingMs: a.trainingMs + b.trainingMs,
    validatingMs: a.validatingMs + b.validatingMs,
    // Of a part that did not count it the whole does not know it either.
    ...(a.waitedMs !== undefined && b.waitedMs !== undefined && { waitedMs: a.waitedMs + b.waitedMs }),
    peakRssBytes: Math.max(a.peakRssBytes, b.peakRssBytes),
    loadedRssBytes: (a.peakRssBytes >= b.peakRssBytes ? a : b).loadedRssBytes,
  };
}
