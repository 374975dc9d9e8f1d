import type { ComparisonReport, ReportedStrategy } from "./comparison-report.ts";
import { formatBytes, formatCount, formatMetric, formatRatio, formatShare, formatTimeTaken } from "./values.ts";

/** Cells of a table; those of one column have one unit or say their own. */
export interface ReportTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What a report's figures mean, a line each, for below its table; nothing before there are any. */
export function figuresExplained({ metric, reference }: ComparisonReport): readonly string[] {
  if (metric === null) return [];
  return [
    `points: hundredths by which ${metric} differs from ${reference}'s`,
    "time: the training loop, validation and checkpoints included, queueing and preparing left out",
    "samples/s: validation left out as well",
    "waiting: share of the time in which the training loop waited for its next batch",
    "memory: largest resident set of the trainer process",
    "model: weights of the last checkpoint",
  ];
}

/** A report as cells: a row for each strategy, in their order. */
export function comparisonTable({ metric, direction, strategies }: ComparisonReport): ReportTable {
  const others = otherMetrics(metric, strategies);
  return {
    header: [
      "strategy",
      metric ?? "metric",
      "points",
      ...others,
      "time",
      "samples/s",
      "speed",
      "waiting",
      "memory",
      "model",
      "remarks",
    ],
    rows: strategies.map((strategy) => [
      strategy.name,
      show(strategy.value, formatMetric),
      differenceOf(strategy, direction),
      ...others.map((name) => show(strategy.metrics[name] ?? null, formatMetric)),
      show(strategy.trainingMs, formatTimeTaken),
      show(strategy.samplesPerSecond, formatCount),
      show(strategy.gain.fastest, formatRatio),
      show(strategy.waitShare, formatShare),
      show(strategy.peakRssBytes, formatBytes),
      show(strategy.modelBytes, formatBytes),
      remarksOf(strategy),
    ]),
  };
}

function otherMetrics(metric: string | null, strategies: readonly ReportedStrategy[]): string[] {
  const names = new Set(strategies.flatMap(({ metrics }) => Object.keys(metrics)));
  return [...names].filter((name) => name !== metric);
}

function remarksOf({ status, notes }: ReportedStrategy): string {
  return [...(status === "completed" ? [] : [status]), ...notes].join(", ");
}

/** The difference from the reference as the metric has it: `-0.25` points of accuracy are worse, of a loss better. */
function differenceOf({ pointsWorse }: ReportedStrategy, direction: ComparisonReport["direction"]): string {
  if (pointsWorse === null) return "";
  const points = direction === "maximize" ? -pointsWorse : pointsWorse;
  return `${points > 0 ? "+" : ""}${(points === 0 ? 0 : points).toFixed(2)}`;
}

function show(value: number | null, format: (value: number) => string): string {
  return value === null ? "" : format(value);
}
