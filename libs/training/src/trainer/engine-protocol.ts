import type {
  ComputePrecision,
  DataSplit,
  EngineName,
  ErrorRecord,
  ExportReport,
  ExportSpec,
  LoopState,
  MemoryDecision,
  Metrics,
  Policy,
  PrecisionDecision,
  StepExplanation,
  Threads,
} from "@anneal/contracts";
import type { RingHandles, TypedArray } from "@anneal/data";
import type { ModelFacts } from "@anneal/export";
import type { MemoryPlanning } from "@anneal/policy";
import type { EngineOptions, EngineState, PreparedEngine } from "../engine/step-engine.ts";
import type { LedgerNews } from "../ledger/ledger-keeper.ts";
import type { MonitorRules } from "../loop/bookkeeping.ts";
import type { LoopOutcome, LoopReport, LoopSnapshot } from "../loop/run-loop.ts";

/** Words of the shared array by which the main thread reaches an engine thread that never looks at its messages. */
export const controlWord = { stop: 0, abort: 1, numWritten: 2 } as const;
export const numControlWords = 16;

export interface EngineThreadData {
  readonly control: SharedArrayBuffer;
  readonly threads: Threads;
}

/** Everything that an engine thread needs to build the model: functions are found in the recipe's module. */
export interface PrepareEngine extends Omit<EngineOptions, "recipe" | "recipePath" | "optimizer"> {
  readonly engine: EngineName;
  readonly recipeEntry: string;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
}

/** The same step in several formats, on the batches of a ring that holds nothing else. */
export interface TryPrecisions {
  readonly prepare: PrepareEngine;
  /** float32 first. */
  readonly tried: readonly ComputePrecision[];
  readonly ring: RingHandles;
  readonly lossScale: number;
}

/** What to plan a run's memory by, but for what only the engine can predict. */
export interface PlanMemory {
  readonly prepare: PrepareEngine;
  readonly planning: Omit<MemoryPlanning, "predictPeak" | "normalisesOverBatch">;
  /** Samples that are kept for later epochs. */
  readonly cacheBytes: number;
}

export interface RunLoop {
  readonly ring: RingHandles;
  readonly start: LoopState;
  readonly rules: MonitorRules;
  readonly maxBadShare: number;
  readonly untilStep: number;
  readonly stepsPerCall: number;
  readonly lossScale: Policy["lossScale"] | null;
  readonly maxMs: number;
  readonly checkpointEveryMs: number;
  readonly checkpointEverySteps: number | null;
}

export interface EvaluationSums {
  readonly numSamples: number;
  readonly metrics: Metrics;
}

export interface FeedPredictions {
  readonly outputs: readonly Float32Array[];
  readonly labels: readonly (readonly number[])[];
}

/** A model to export, with the samples that its file is proven on. */
export interface ExportCall {
  readonly spec: ExportSpec;
  readonly facts: Omit<ModelFacts, "measures"> & { readonly modelBytes: number; readonly loadMs: number };
  readonly directory: string;
  readonly split: DataSplit;
  /** Held-out samples, and nothing else. */
  readonly heldOut: RingHandles;
  /** Samples of the training data to find ranges with; null where the precision needs none. */
  readonly calibration: RingHandles | null;
}

/** The calls of an engine thread: what each takes and returns. One at a time. */
export interface EngineCalls {
  prepare: { input: PrepareEngine; output: PreparedEngine };
  planMemory: { input: PlanMemory; output: MemoryDecision };
  tryPrecisions: { input: TryPrecisions; output: PrecisionDecision };
  readState: { input: null; output: EngineState };
  loadState: { input: EngineState; output: null };
  run: { input: RunLoop; output: LoopOutcome & { readonly ledger: LedgerNews } };
  evaluate: { input: { readonly ring: RingHandles; readonly step: number }; output: EvaluationSums };
  predict: { input: { readonly inputs: TypedArray; readonly numSamples: number }; output: Float32Array };
  exportModel: { input: ExportCall; output: ExportReport };
  explain: { input: null; output: StepExplanation };
  /** Outputs and labels of every item of a feed, one sample after another. */
  predictFeed: { input: { readonly ring: RingHandles }; output: FeedPredictions };
}
export type EngineCallName = keyof EngineCalls;

export type EngineRequest = {
  [Name in EngineCallName]: { readonly id: number; readonly call: Name; readonly input: EngineCalls[Name]["input"] };
}[EngineCallName];

export type EngineMessage =
  | { readonly type: "result"; readonly id: number; readonly output: unknown }
  | { readonly type: "failed"; readonly id: number; readonly error: ErrorRecord }
  | { readonly type: "snapshot"; readonly snapshot: LoopSnapshot }
  | { readonly type: "report"; readonly report: LoopReport }
  | { readonly type: "evaluated"; readonly numSamples: number };
