import type {
  AnnealError,
  CheckpointReference,
  PrecisionDecision,
  PrepareInput,
  RunSpec,
  StepExecution,
  Threads,
  TrainingPlan,
} from "@anneal/contracts";
import type { Fitted } from "@anneal/data";
import type { LoopReport } from "../loop/run-loop.ts";
import type { RecipeSource } from "./recipe-source.ts";
import type { RungChoice } from "./rung-choice.ts";

export interface SessionEvents {
  readonly onReport: (report: LoopReport) => void;
  readonly onEvaluated: (numSamples: number) => void;
  readonly onCommitted: (checkpoint: CheckpointReference) => void;
  readonly onEngineLost: (cause: AnnealError) => void;
}

export interface SessionOptions {
  readonly runId: string;
  readonly runDirectory: string;
  readonly spec: RunSpec;
  readonly source: RecipeSource;
  readonly threads: Threads;
  /** What was decided when the run was prepared; null to decide it now. */
  readonly recorded: TrainingPlan | null;
  /** How steps run, where that was decided and no plan is recorded. */
  readonly execution?: StepExecution;
  /** What steps are computed in, where that was decided and no plan is recorded. */
  readonly precision?: PrecisionDecision | null;
  /** What is read of topics, where that was decided and no plan is recorded. */
  readonly topics?: TrainingPlan["topics"];
  /** The rung of the memory ladder; null for the one that the plan begins on. */
  readonly rung: RungChoice | null;
  /** What transforms learned when the run was prepared; nothing for a run that is prepared now. */
  readonly fitted: Fitted;
  /** What became of earlier attempts to prepare the run. */
  readonly outOfMemory?: PrepareInput["outOfMemory"];
  readonly events: SessionEvents;
}
