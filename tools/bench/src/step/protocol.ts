/**
 * What the bench and its subjects say to each other, whatever language these are in: the order as JSON on the command
 * line, then requests as lines on stdin and replies as lines on file descriptor 3 (stdout belongs to libraries that
 * print). A subject ends when its stdin does.
 */
export interface SubjectOrder {
  readonly workload: string;
  /** Safetensors of `inputs` and `labels`: `[numSteps * batchSize, ...]`. */
  readonly batchesPath: string;
  /** Safetensors of the initial weights, `layer/weight`: the first subject writes it, the Python peers read it. */
  readonly weightsPath: string;
  readonly numThreads: number;
  readonly batchSize: number;
  readonly numClasses: number;
  readonly learningRate: number;
  /** How the subject runs the step: an engine's name, or a peer's way to compile. */
  readonly variant: string;
}

/** Take this many steps, from the first batch on. */
export interface StepRequest {
  readonly numSteps: number;
}

/** Say where the time of a step goes; only Anneal's compiled engine can. */
export interface ExplainRequest {
  readonly explain: true;
}

export type SubjectRequest = StepRequest | ExplainRequest;

export type SubjectReply =
  | {
      readonly type: "ready";
      /** Values that are trained. */
      readonly numParameters: number;
      /** From a loaded library and data in memory to a model that can take steps, in ms. */
      readonly prepareMs: number;
      readonly version: string;
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

export type Ready = Extract<SubjectReply, { type: "ready" }>;
export type Explained = Extract<SubjectReply, { type: "explained" }>;
export type Stepped = Extract<SubjectReply, { type: "stepped" }>;
