import type { ComputePrecision, PrecisionCandidate, PrecisionDecision } from "@anneal/contracts";
import { choosePrecision } from "@anneal/policy";
import type { Batch, StepEngine } from "./step-engine.ts";

/** A format that may be taken: an engine that is prepared for it, with the run's first weights. */
export interface TriedPrecision {
  readonly precision: ComputePrecision;
  readonly engine: StepEngine;
}

export interface PrecisionTrial {
  /** float32 first. */
  readonly tried: readonly TriedPrecision[];
  /** The run's first batches, at least `numWarmUps + 1`. */
  readonly batches: readonly Batch[];
  readonly learningRate: (step: number) => number;
  /** Of float16 steps. */
  readonly lossScale: number;
}

/** First calls also optimize the graph, and the second may be slow too. */
const numWarmUps = 2;
/** Where steps are short, turns go on for so long: the shorter a step, the more of its time may be the machine's. */
const shortestTrialMs = 500;

/**
 * Trains on the run's first batches in each format, in turns, so that whatever else the machine does meets all alike, and takes the
 * fastest whose losses stay with those of float32. What the engines have learnt meanwhile is of no use.
 */
export function decidePrecision(trial: PrecisionTrial): PrecisionDecision {
  const { tried, batches } = trial;
  const runs = tried.map(({ precision, engine }) => ({
    precision,
    engine,
    losses: [] as number[],
    times: [] as number[],
  }));
  const startedAt = performance.now();
  for (let step = 0; step < batches.length || performance.now() - startedAt < shortestTrialMs; step++) {
    for (const { precision, engine, losses, times } of runs) {
      const before = performance.now();
      const loss = lossOf(engine, trial, precision, step);
      if (step >= numWarmUps) times.push(performance.now() - before);
      if (step < batches.length) losses.push(loss);
    }
  }
  const reference = runs[0]?.losses ?? [];
  // Not of each step: a loss that falls to nothing would make much of nothing.
  const scale = reference.reduce((sum, loss) => sum + Math.abs(loss), 0) / reference.length;
  return choosePrecision(
    runs.map(({ precision, losses, times }): PrecisionCandidate => {
      const lossDifference = Math.max(...losses.map((loss, step) => Math.abs(loss - reference[step]!) / scale));
      // What is no number is as far off as can be; JSON, in which a decision is recorded, has no infinity.
      return {
        precision,
        milliseconds: Math.min(...times),
        lossDifference: Number.isFinite(lossDifference) ? lossDifference : Number.MAX_VALUE,
      };
    }),
  );
}

function lossOf(
  engine: StepEngine,
  { batches, learningRate, lossScale }: PrecisionTrial,
  precision: ComputePrecision,
  step: number,
): number {
  const batch = batches[step % batches.length]!;
  const scalars = { step, learningRate: learningRate(step), ...(precision === "float16" && { lossScale }) };
  try {
    const { sums } = engine.trainBatch(batch, scalars);
    return (sums.loss ?? Number.NaN) / batch.numSamples;
  } catch (cause) {
    // In float32 it is the recipe that is wrong.
    if (precision === "float32") throw cause;
    return Number.NaN;
  }
}
