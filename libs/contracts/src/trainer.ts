import type { EvaluateInput, PreparedRun, PrepareInput, SegmentInput } from "./activities.ts";
import type { ErrorRecord } from "./errors.ts";
import type { EvaluationResult, Progress, SegmentResult } from "./training.ts";

/**
 * Messages between an activity (or the command line) and its trainer process over Node's IPC channel.
 * One request at a time; `stop` may come at any time and makes a running segment commit a checkpoint and end.
 */
export type TrainerRequest =
  | { readonly type: "prepare"; readonly runDirectory: string; readonly input: PrepareInput }
  | { readonly type: "segment"; readonly runDirectory: string; readonly input: SegmentInput }
  | { readonly type: "evaluate"; readonly runDirectory: string; readonly input: EvaluateInput }
  | { readonly type: "stop" }
  | { readonly type: "close" };

export type TrainerReply =
  | { readonly type: "ready"; readonly pid: number }
  | { readonly type: "progress"; readonly progress: Progress }
  | { readonly type: "prepared"; readonly result: PreparedRun }
  | { readonly type: "segmentEnded"; readonly result: SegmentResult; readonly stopped: boolean }
  | { readonly type: "evaluated"; readonly result: EvaluationResult }
  | { readonly type: "failed"; readonly error: ErrorRecord };

/** Exit codes by which a trainer that can no longer speak says why it ended. */
export const trainerExitCodes = { ok: 0, failed: 1, orphaned: 71, engineLost: 72 } as const;
