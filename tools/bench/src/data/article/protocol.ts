import type { DataOrder, PicturesOrder } from "../protocol.ts";

/** The order of a subject of `--article`: pictures alone. Its variant is the way in which the engine gets its batches. */
export type ArticleOrder = DataOrder & { readonly variant: ArticleWay; readonly data: PicturesOrder };
export type ArticleWay = "naive" | "pipeline";

/** Train on some passes over the data, one after another. */
export interface TrainRequest {
  readonly type: "train";
  /** From 0: requests follow each other. */
  readonly firstEpoch: number;
  readonly numEpochs: number;
}

export type ArticleReply = { readonly type: "ready" } | ({ readonly type: "trained" } & TrainedEpochs);

export interface TrainedEpochs {
  readonly elapsedMs: number;
  /** Of it, in the engine. */
  readonly engineMs: number;
  readonly numSamples: number;
  /** Mean over the samples. */
  readonly loss: number;
  /** sha256 (hex) over all batches so far, inputs and labels, in their order. */
  readonly batchDigest: string;
  /** sha256 (hex) over the weights. */
  readonly weightDigest: string;
}
