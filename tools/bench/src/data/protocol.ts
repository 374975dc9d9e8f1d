import type { Table } from "./generate/table.ts";
import type { DataWorkloadName } from "./workloads.ts";

/** What a subject is told on its command line: what it reads, and what becomes of it. */
export interface DataOrder {
  readonly workload: DataWorkloadName;
  /** What the subject does in several ways, the one that it is to do it in. */
  readonly variant: string;
  readonly numSamples: number;
  readonly batchSize: number;
  readonly seed: number;
  /** For those who must be told: threads or processes that prepare batches. */
  readonly numWorkers: number;
  readonly data: PicturesOrder | TableOrder | DigitsOrder;
}

/** Files in folders, one for each class: resized, a part cut out at random and flipped in one of two, normalised by channel. */
export interface PicturesOrder {
  readonly kind: "jpeg";
  readonly directory: string;
  /** Height and width, in pixels. */
  readonly resized: number;
  readonly cropped: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** The numbers standardised by the statistics that are given, then the categories as codes: float32[11]. */
export interface TableOrder extends Table {
  readonly kind: "csv";
}

/** IDX files: rotated and shifted at random, then normalised: float32[28,28,1], or [1,28,28]. */
export interface DigitsOrder {
  readonly kind: "mnist";
  readonly images: string;
  readonly labels: string;
  readonly maxDegrees: number;
  readonly maxPixels: number;
  readonly mean: number;
  readonly std: number;
}

/**
 * Passes over the data, shuffled anew in each. The first of the first request includes all that comes before its first batch: finding,
 * parsing, starting threads.
 */
export interface RunRequest {
  readonly type: "run";
  readonly numEpochs: number;
  /** How long the consumer is busy with each batch, in ms. */
  readonly consumeMs: number;
  /** Whether every value is looked at, for `statistics`: takes time. */
  readonly checks: boolean;
}

export type DataReply =
  | {
      /** The framework is there, and nothing of the data. */
      readonly type: "loaded";
      readonly version: string;
    }
  | {
      readonly type: "ran";
      readonly epochs: readonly EpochTimes[];
      /** Of the last epoch; null unless asked for. */
      readonly statistics: BatchStatistics | null;
    };

export interface EpochTimes {
  readonly numSamples: number;
  /** Until its last batch was consumed, since the end of the epoch before; since the request for the first. */
  readonly elapsedMs: number;
  /** How long the consumer waited for batches, the first included. */
  readonly waitMs: number;
  /** How long it waited for the first. */
  readonly firstWaitMs: number;
}

/** What must be alike for all subjects. */
export interface BatchStatistics {
  readonly numSamples: number;
  /** Of all values of the inputs. */
  readonly mean: number;
  readonly std: number;
  readonly meanLabel: number;
  readonly stdLabel: number;
  /** Standard deviation of the full batches' mean labels: large where samples of a class come together. */
  readonly labelSpread: number;
}
