import {
  type CompareState,
  type Comparison,
  type Criterion,
  type ErrorRecord,
  isOtherPrecision,
  type Json,
  type MetricDirection,
  type Metrics,
  type Policy,
  type Preference,
  type Strategy,
  type StrategyOutcome,
  type StrategyStatus,
} from "@anneal/contracts";
import { type Judgement, judgeStrategies, rungInWords } from "@anneal/policy";
import { formatCount, formatRatio } from "./values.ts";

/** What a comparison found: the JSON report, and what the other forms are made of. */
export interface ComparisonReport {
  readonly compareId: string;
  readonly recipe: string;
  readonly parameters: Readonly<Record<string, Json>>;
  readonly seed: number;
  /** The compared metric, and which way is better; null until a run is completed. */
  readonly metric: string | null;
  readonly direction: MetricDirection | null;
  /** The strategy that the others are compared with. */
  readonly reference: string;
  readonly criterion: Criterion;
  readonly best: string | null;
  /** `fastest within 0.5 points of float32: bfloat16, 1.9x`. */
  readonly verdict: string;
  readonly strategies: readonly ReportedStrategy[];
}

export interface ReportedStrategy extends Strategy {
  readonly runId: string;
  readonly status: StrategyStatus;
  readonly budget: string | null;
  /** The compared metric's value, and by how many points (hundredths) it is worse than the reference's. */
  readonly value: number | null;
  readonly pointsWorse: number | null;
  readonly metrics: Metrics;
  readonly split: string | null;
  readonly steps: number | null;
  /** Time of the training loop, validation and standing still for checkpoints included. */
  readonly trainingMs: number | null;
  /** From the start of the run to its end, queueing, preparing and evaluating included. */
  readonly wholeMs: number | null;
  /** While training, validation left out. */
  readonly samplesPerSecond: number | null;
  /** Share (0..1) of the time of the training loop in which it waited for its next batch. */
  readonly waitShare: number | null;
  /** Largest resident set of its trainer process. */
  readonly peakRssBytes: number | null;
  /** The last checkpoint's weights. */
  readonly modelBytes: number | null;
  /** Times as good as the reference: samples a second, model bytes, peak memory. */
  readonly gain: Readonly<Record<Preference, number | null>>;
  /** What a reader of the figures has to know. */
  readonly notes: readonly string[];
  readonly error: ErrorRecord | null;
}

export function comparisonReport(
  { spec, strategies, criterion }: Comparison,
  { compareId, outcomes }: CompareState,
): ComparisonReport {
  const judgement = judgeStrategies(outcomes, criterion);
  return {
    compareId,
    recipe: spec.recipe.name,
    parameters: spec.parameters,
    seed: spec.seed,
    metric: judgement.metric,
    direction: outcomes.find(({ measured }) => measured)?.measured?.direction ?? null,
    reference: strategies[0]?.name ?? "",
    criterion,
    best: judgement.best,
    verdict: verdictOf(outcomes, judgement, criterion),
    strategies: outcomes.map((outcome, index) => {
      const { value, pointsWorse, gain, sameAs } = judgement.strategies[index]!;
      const { notes, ...rest } = reported(outcome, spec.policy.memory);
      const all = sameAs === null ? notes : [...notes, `the same steps as ${sameAs}`];
      return { ...rest, value, pointsWorse, gain, notes: all };
    }),
  };
}

const missingWords: Readonly<Record<StrategyStatus, string>> = {
  waiting: "has not begun",
  running: "has not ended",
  completed: "has no number to compare with",
  failed: "failed",
  cancelled: "was cancelled",
};

function verdictOf(
  outcomes: readonly StrategyOutcome[],
  { best, strategies }: Judgement,
  { withinPoints, prefer }: Criterion,
): string {
  const [first] = outcomes;
  if (!first) return "nothing was compared";
  const { name } = first.strategy;
  if (best === null) return `no verdict: ${name} ${missingWords[first.status]}`;
  const gain = strategies.find((strategy) => strategy.name === best)?.gain[prefer] ?? 1;
  const found = best === name ? `${name} itself` : `${best}, ${formatRatio(gain)}`;
  const soFar = outcomes.some(({ status }) => status === "waiting" || status === "running") ? " so far" : "";
  return `${prefer} within ${withinPoints} ${withinPoints === 1 ? "point" : "points"} of ${name}${soFar}: ${found}`;
}

function reported(
  outcome: StrategyOutcome,
  usual: Policy["memory"],
): Omit<ReportedStrategy, "value" | "pointsWorse" | "gain"> {
  const { strategy, runId, status, budget, measured, error } = outcome;
  const usage = measured && measured.usage.numSteps > 0 ? measured.usage : null;
  return {
    ...strategy,
    runId,
    status,
    budget,
    metrics: measured?.metrics ?? {},
    split: measured?.split ?? null,
    steps: measured?.step ?? null,
    trainingMs: usage?.trainingMs ?? null,
    wholeMs: measured?.wholeMs ?? null,
    samplesPerSecond: measured?.samplesPerSecond ?? null,
    waitShare: usage?.waitedMs === undefined ? null : shareOf(usage.waitedMs, usage.trainingMs),
    peakRssBytes: usage?.peakRssBytes ?? null,
    modelBytes: measured?.modelBytes ?? null,
    notes: notesOf(outcome, usual),
    error,
  };
}

function notesOf({ strategy, measured, budget, error }: StrategyOutcome, usual: Policy["memory"]): string[] {
  const ofBudget = budget === null || budget === strategy.memory ? [] : [`budget ${budget}`];
  if (!measured) return [...ofBudget, ...(error ? [error.code] : [])];
  const { step, usage, stoppedEarly, numFailedAttempts, precision, memory, ledger, rungMoves } = measured;
  const untimed = step - usage.numSteps;
  const rung = rungMoves.at(-1)?.rung ?? memory?.rung;
  return [
    ...ofBudget,
    ...(strategy.precision === "auto" && precision ? [`chose ${precision.precision}`] : []),
    ...(ledger && isOtherPrecision(ledger)
      ? [ledger.ranIn ? `ran in ${ledger.ranIn}` : "none of its products was seen"]
      : []),
    ...(rung ? rungInWords(rung, usual) : []),
    ...(memory?.budgetBytes && usage.peakRssBytes > memory.budgetBytes ? ["peak above its budget"] : []),
    ...(rungMoves.length > 0 ? [`memory ran short ${times(rungMoves.length)}`] : []),
    ...(stoppedEarly ? [`stopped early at step ${formatCount(step)}`] : []),
    ...(untimed === 0 ? [] : [`timed over ${formatCount(usage.numSteps)} of ${formatCount(step)} steps`]),
    ...(numFailedAttempts > 0 ? [`failed and went on ${times(numFailedAttempts)}`] : []),
  ];
}

function shareOf(part: number, whole: number): number | null {
  return whole > 0 ? Math.min(1, part / whole) : null;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
