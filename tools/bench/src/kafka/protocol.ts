import type { FieldSpec } from "@anneal/data";

/** How the records of a topic are used: by a loop that only counts them, by the pipeline with nobody behind it, or to train. */
export type KafkaWay = "bare" | "engine" | "naive" | "pipeline";

/** What a subject is started with. */
export interface KafkaOrder {
  readonly way: KafkaWay;
  readonly broker: string;
  readonly topic: string;
  readonly numRecords: number;
}

/** What a subject found, from before it connects to the last record or step. */
export interface KafkaOutcome {
  readonly numRecords: number;
  readonly elapsedMs: number;
  /** Of it, what the pipeline takes to look the topic through before the first batch. */
  readonly openedMs: number;
  /** Resident memory every so often, while records are read, in MiB. */
  readonly residentMiB: readonly number[];
}

/** A record: 16 numbers and a class, raw. */
export const recordInputs: FieldSpec = { shape: [16], dtype: "float32" };
export const recordLabels: FieldSpec = { shape: [], dtype: "int32" };
export const recordBytes = 16 * 4 + 4;
export const numClasses = 4;
export const batchSize = 256;
