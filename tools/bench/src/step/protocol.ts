import type { ComputePrecision, MemoryDecision } from "@anneal/contracts";

/**
 * What the bench and its subjects say to each other, whatever language these are in: the order as JSON on the command
 * line, answered by "loaded", then requests as lines on stdin and replies as lines on file descriptor 3 (stdout belongs
 * to libraries that print). A subject ends when its stdin does.
 */
export interface SubjectOrder {
  readonly workload: string;
  /** Safetensors of `inputs` and `labels`: `[numBatches * batchSize, ...]`. */
  readonly batchesPath: string;
  /** Safetensors of the initial weights, `layer/weight`: the first subject writes it, the Python peers read it. */
  readonly weightsPath: string;
  readonly numThreads: number;
  readonly batchSize: number;
  readonly numClasses: number;
  readonly learningRate: number;
  /** How the subject runs the step: an engine's name, or a peer's way to compile. */
  readonly variant: string;
  /** What steps are computed in; weights are float32 in any. */
  readonly precision: ComputePrecision;
  /** Steps that Anneal expects to take: whether it is worth while to try several ways before the first. */
  readonly numStepsAhead: number;
  /** What the process may take at its peak; Anneal alone plans for it. Null: whatever it takes. */
  readonly budgetBytes: number | null;
}

/** Build the model, and whatever else comes before the first step. */
export interface PrepareRequest {
  readonly type: "prepare";
}

/** Take this many steps, from the first batch on; no more than there are batches, but for Anneal, which begins anew then. */
export interface StepRequest {
  readonly type: "step";
  readonly numSteps: number;
}

/** Say where the time of a step goes; only Anneal's compiled engine can. */
export interface ExplainRequest {
  readonly type: "explain";
}

export type SubjectRequest = PrepareRequest | StepRequest | ExplainRequest;

export type SubjectReply =
  | {
      /** The framework and the batches are there, and nothing of the model. */
      readonly type: "loaded";
      readonly version: string;
    }
  | {
      readonly type: "ready";
      /** Values that are trained. */
      readonly numParameters: number;
      /** From loaded batches to a model that can take steps, in ms. */
      readonly prepareMs: number;
      /** How Anneal planned to stay within its budget; null where there was none. */
      readonly memory?: MemoryDecision | null;
    }
  | {
      readonly type: "stepped";
      readonly elapsedMs: number;
      /** Mean over the steps. */
      readonly loss: number;
    }
  | {
      readonly type: "explained";
      /** Of the time of all nodes, that of matrix products and convolutions. */
      readonly productShare: number;
    }
  | { readonly type: "failed"; readonly message: string };

export type Loaded = Extract<SubjectReply, { type: "loaded" }>;
export type Ready = Extract<SubjectReply, { type: "ready" }>;
export type Explained = Extract<SubjectReply, { type: "explained" }>;
export type Stepped = Extract<SubjectReply, { type: "stepped" }>;
