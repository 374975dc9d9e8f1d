import { z } from "zod";
import type { ResumeChoices } from "./activities.ts";
import type { ErrorRecord } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import { memoryBudgetPattern, precisions, weightStorages } from "./policy.ts";
import type { RunSpec } from "./run.ts";
import type { MetricDirection, Metrics, RungMove, TrainingPlan, TrainingUsage } from "./training.ts";

export const compareWorkflowType = "compare";

/**
 * How much memory a strategy may take: all it wants, a share of what the steps of the comparison's first plain run took
 * above the loaded run, or an amount of its own.
 */
const strategyMemorySchema = z.union([
  z.enum(["plain", "half", "quarter"]),
  z.string().regex(memoryBudgetPattern, "plain, half, quarter, or an amount such as 512MiB or 50%"),
]);
export type StrategyMemory = z.infer<typeof strategyMemorySchema>;

/** A way to train the same recipe from the same seed: what it changes in the run's policy. */
export const strategySchema = z.strictObject({
  /** `bfloat16-half`: appended to the comparison's id it is the id of the strategy's run. */
  name: z.string().regex(/^[A-Za-z0-9.-]{1,48}$/),
  precision: z.enum(precisions),
  memory: strategyMemorySchema,
  weightStorage: z.enum(weightStorages),
});
export type Strategy = Readonly<z.infer<typeof strategySchema>>;

/** What a person wants most of the strategies whose metric is good enough. */
export const preferences = ["fastest", "smallest", "lightest"] as const;
export type Preference = (typeof preferences)[number];

/** What makes a strategy the best one. */
export interface Criterion {
  /**
   * How many points a strategy's metric may be worse than the first strategy's. A point is a hundredth: 0.5 points of
   * accuracy are 0.5 %, of a loss 0.005.
   */
  readonly withinPoints: number;
  readonly prefer: Preference;
}

/** What is compared: what the parent's memo, its input and the report have in common. */
export interface Comparison {
  /** What the strategies have in common; a strategy replaces its precision, its memory budget and its weight storage. */
  readonly spec: RunSpec;
  /** The first one is what the others are compared with. */
  readonly strategies: readonly Strategy[];
  readonly criterion: Criterion;
}

/** Memo of a comparison, shown by the UI. */
export interface CompareMemo {
  readonly recipe: string;
  readonly comparison: Comparison;
}

export interface CompareInput extends Comparison {
  /** Where strategies of an earlier execution go on, by name; null for a new comparison. */
  readonly resume: Readonly<Record<string, StrategyStart>> | null;
}

/** What a resumed comparison does about a strategy. One that is not named is started as a new run. */
export type StrategyStart =
  | { readonly kind: "keep"; readonly outcome: StrategyOutcome }
  | {
      readonly kind: "resume";
      readonly choices: ResumeChoices | null;
      readonly firstAttempt: number;
      readonly usage: TrainingUsage | null;
      /** As the run began: a share of memory was made an amount then. */
      readonly spec: RunSpec;
    };

export const strategyStatuses = ["waiting", "running", "completed", "failed", "cancelled"] as const;
export type StrategyStatus = (typeof strategyStatuses)[number];

/** Where a strategy stands, and what came of it. */
export interface StrategyOutcome {
  readonly strategy: Strategy;
  readonly runId: string;
  readonly status: StrategyStatus;
  /** What its trainer might take; null where it was not limited, or is not known yet. */
  readonly budget: string | null;
  /** Of a run that is completed. */
  readonly measured: StrategyMeasures | null;
  /** Why it failed, if it did. */
  readonly error: ErrorRecord | null;
}

/** The facts of a completed run that a comparison is about. */
export interface StrategyMeasures {
  /** The metric that is compared, without its split: `accuracy`. */
  readonly metric: string;
  readonly direction: MetricDirection;
  /** Held-out metrics of its last checkpoint; where the recipe has no held-out data, the last ones of its training. */
  readonly metrics: Metrics;
  readonly split: "test" | "validation" | "train";
  readonly step: number;
  /** Of the state after its last step. Absent in comparisons that older versions began. */
  readonly digest?: string;
  readonly usage: TrainingUsage;
  /** Samples a second while training, validation left out; null where nothing was timed. */
  readonly samplesPerSecond: number | null;
  /** From the (last) start of the run to its end: queueing, preparing, evaluating and tries that failed included. */
  readonly wholeMs: number;
  readonly modelBytes: number | null;
  readonly stoppedEarly: boolean;
  readonly numFailedAttempts: number;
  /** As the plan decided. */
  readonly precision: TrainingPlan["precision"] | null;
  readonly memory: TrainingPlan["memory"] | null;
  /** What its steps were meant to be computed in, and what their products ran in; null where none was recorded. */
  readonly ledger: Pick<Ledger, "precision" | "ranIn"> | null;
  readonly rungMoves: readonly RungMove[];
}

/** The result of the parent, and the answer of its `status` query. */
export interface CompareState {
  readonly compareId: string;
  readonly outcomes: readonly StrategyOutcome[];
}

export interface CompareResult extends CompareState {
  /** Where the report was written on the worker's machine; null where that failed. */
  readonly files: ReportFiles | null;
}

export interface ReportFiles {
  readonly markdown: string;
  readonly json: string;
  readonly svg: string;
}

export interface WriteReportInput {
  readonly comparison: Comparison;
  readonly state: CompareState;
}

/** The activities of a comparison. */
export interface ComparingActivities {
  /** Writes the report into the comparison's folder, as Markdown, JSON and SVG. */
  writeReport(input: WriteReportInput): Promise<ReportFiles>;
}

/** The run of a strategy. */
export function strategyRunId(compareId: string, { name }: Strategy): string {
  return `${compareId}-${name}`;
}
