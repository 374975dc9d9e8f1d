import type {
  Criterion,
  Preference,
  Strategy,
  StrategyMeasures,
  StrategyOutcome,
  TrainResult,
} from "@anneal/contracts";
import { isSameRung } from "./memory-ladder.ts";

/** What a comparison keeps of a run that completed. */
export function measuresOf(result: TrainResult): StrategyMeasures {
  const { plan, usage, evaluation } = result;
  const trainedMs = usage.trainingMs - usage.validatingMs;
  return {
    metric: plan.monitor.metric.replace(/^.*\//, ""),
    direction: plan.monitor.direction,
    metrics: evaluation?.metrics ?? result.metrics,
    split: evaluation?.split ?? "train",
    step: result.step,
    ...(result.checkpoint && { digest: result.checkpoint.digest }),
    usage,
    samplesPerSecond: usage.numSamples > 0 && trainedMs > 0 ? (usage.numSamples * 1_000) / trainedMs : null,
    wholeMs: result.durationMs,
    modelBytes: result.modelBytes ?? null,
    stoppedEarly: result.stoppedEarly,
    numFailedAttempts: result.numFailedAttempts,
    precision: plan.precision ?? null,
    memory: plan.memory ?? null,
    ledger: result.ledger ? { precision: result.ledger.precision, ranIn: result.ledger.ranIn } : null,
    rungMoves: result.rungMoves ?? [],
  };
}

/** A strategy beside the first one of its comparison. */
export interface JudgedStrategy {
  readonly name: string;
  /** The compared metric; null where there is no number. */
  readonly value: number | null;
  /** Points (hundredths of the metric) by which it is worse than the first one's; less than 0: better. */
  readonly pointsWorse: number | null;
  /** The first strategy that took the same steps, where that is another one. */
  readonly sameAs: string | null;
  /** Times as good as the first one: samples a second, bytes of the model, peak memory. The same steps are as fast and as light. */
  readonly gain: Readonly<Record<Preference, number | null>>;
}

export interface Judgement {
  /** Null until a run is completed. */
  readonly metric: string | null;
  readonly strategies: readonly JudgedStrategy[];
  /** The strategy that meets the criterion; null where there is nothing to compare. */
  readonly best: string | null;
}

/** Below this a difference may be the machine's. */
const leastGain = 1.02;

/** Sets strategies beside the first of them and finds the one that meets the criterion. */
export function judgeStrategies(outcomes: readonly StrategyOutcome[], { withinPoints, prefer }: Criterion): Judgement {
  const reference = outcomes[0]?.measured ?? null;
  const strategies = outcomes.map((outcome) => judge(outcome, firstOfSameSteps(outcome, outcomes), reference));
  const metric = outcomes.find(({ measured }) => measured)?.measured?.metric ?? null;
  const within = strategies.filter(({ pointsWorse }) => pointsWorse !== null && pointsWorse <= withinPoints);
  return { metric, strategies, best: bestOf(within, prefer)?.name ?? null };
}

function judge(
  { strategy, measured }: StrategyOutcome,
  twin: StrategyOutcome | null,
  reference: StrategyMeasures | null,
): JudgedStrategy {
  // What a run of the same steps measures otherwise is the machine's mood.
  const timed = twin?.measured ?? measured;
  const value = measured && finite(measured.metrics[measured.metric]);
  const referenceValue = reference && finite(reference.metrics[reference.metric]);
  return {
    name: strategy.name,
    value,
    sameAs: twin?.strategy.name ?? null,
    pointsWorse: value === null || referenceValue === null ? null : pointsWorse(value, referenceValue, reference!),
    gain: {
      fastest: quotient(timed?.samplesPerSecond, reference?.samplesPerSecond),
      smallest: quotient(reference?.modelBytes, measured?.modelBytes),
      lightest: quotient(reference?.usage.peakRssBytes, timed?.usage.peakRssBytes),
    },
  };
}

/** The first strategy with the steps of this one; null where that is this one. */
function firstOfSameSteps(outcome: StrategyOutcome, outcomes: readonly StrategyOutcome[]): StrategyOutcome | null {
  const earlier = outcomes.slice(0, outcomes.indexOf(outcome));
  const twin = earlier.find((other) => areSameSteps(other, outcome));
  return twin === undefined ? null : (firstOfSameSteps(twin, earlier) ?? twin);
}

/**
 * Whether two strategies took the same steps: in one number format, whatever their weights were stored in, or to the same bits, as where a
 * format that gains nothing on the machine is not used. Recomputation changes no bit: it takes other time and memory.
 */
function areSameSteps({ measured: a, ...one }: StrategyOutcome, { measured: b, ...other }: StrategyOutcome): boolean {
  if (a === null || b === null || a.rungMoves.length > 0 || b.rungMoves.length > 0) return false;
  const isSamePart = a.memory && b.memory ? isSameRung(a.memory.rung, b.memory.rung) : a.memory === b.memory;
  const formatOf = (measured: StrategyMeasures, { precision }: Strategy) => measured.precision?.precision ?? precision;
  const isSameFormat = formatOf(a, one.strategy) === formatOf(b, other.strategy);
  return isSamePart && (isSameFormat || (a.digest !== undefined && a.digest === b.digest));
}

/** To a thousandth of a point: what remains of 0.97 - 0.965 in binary must not decide. */
function pointsWorse(value: number, reference: number, { direction }: StrategyMeasures): number {
  const points = (direction === "maximize" ? reference - value : value - reference) * 100;
  return Math.round(points * 1_000) / 1_000;
}

/** The best by preference; of those that are as good, the first one if it is among them, else what is better otherwise. */
function bestOf(within: readonly JudgedStrategy[], prefer: Preference): JudgedStrategy | null {
  const [first] = within;
  if (!first) return null;
  const gainOf = ({ gain }: JudgedStrategy, which: Preference): number => gain[which] ?? 0;
  const most = Math.max(...within.map((strategy) => gainOf(strategy, prefer)));
  const isClearly = (strategy: JudgedStrategy) => gainOf(strategy, prefer) >= gainOf(first, prefer) * leastGain;
  if (gainOf(first, prefer) * leastGain >= most) return first;
  const asGood = within.filter((strategy) => isClearly(strategy) && gainOf(strategy, prefer) * leastGain >= most);
  const otherwise = prefer === "fastest" ? "lightest" : "fastest";
  return asGood.reduce((chosen, next) =>
    gainOf(next, otherwise) >= gainOf(chosen, otherwise) * leastGain ? next : chosen,
  );
}

/** A metric that is not finite becomes null on its way through the history. */
function finite(value: number | null | undefined): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function quotient(numerator: number | null | undefined, denominator: number | null | undefined): number | null {
  return numerator && denominator ? numerator / denominator : null;
}
